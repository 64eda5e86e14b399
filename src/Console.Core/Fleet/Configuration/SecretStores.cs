using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Drivers.Aws;
using OpsConsole.Core.Drivers.Vault;

namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>The stores that the environment sets up: Vault by <c>VAULT_ADDR</c> and <c>VAULT_TOKEN</c> (or <c>VAULT_TOKEN_FILE</c>, and
/// <c>VAULT_NAMESPACE</c>), AWS by <c>AWS_REGION</c> and AWS's usual chain of identities.</summary>
public static class SecretStores
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <summary>Files first, then references, both on top of what is there.</summary>
    /// <returns>What could not be resolved: hand it to <see cref="FleetServices.AddFleet"/>, which reports it with all other mistakes.</returns>
    public static async Task<IReadOnlyList<ConfigurationMistake>> AddSecretsAsync(this IConfigurationManager configuration, CancellationToken cancel = default)
    {
        configuration.AddSecretFiles();
        if (!configuration.AsEnumerable().Any(p => SecretReferences.SchemeOf(p.Value) is not null))
            return [];
        using var client = new HttpClient { Timeout = Timeout };
        using var aws = AwsSecrets.FromEnvironment(configuration, Timeout);
        List<ISecretStore> stores = [];
        if (Vault(client, configuration) is { } vault)
            stores.Add(vault);
        if (aws is not null)
            stores.Add(aws);
        return await configuration.AddSecretReferencesAsync(stores, cancel);
    }

    private static VaultSecrets? Vault(HttpClient client, IConfiguration environment)
    {
        var token = environment["VAULT_TOKEN"];
        if (string.IsNullOrEmpty(token) && environment["VAULT_TOKEN_FILE"] is { Length: > 0 } file && SecretFiles.Unreadable(file) is null)
            token = File.ReadAllText(file).Trim();
        return Uri.TryCreate(environment["VAULT_ADDR"], UriKind.Absolute, out var address) && !string.IsNullOrEmpty(token)
            ? new VaultSecrets(client, address, token, environment["VAULT_NAMESPACE"])
            : null;
    }
}
