using System.Text.Json;
using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Drivers.Aws;
using OpsConsole.Core.Drivers.Vault;

namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>A store of secrets outside the configuration.</summary>
public interface ISecretStore
{
    /// <summary>What its references begin with, without the colon.</summary>
    string Scheme { get; }

    /// <param name="name">path or name of the secret</param>
    /// <param name="field">field of a secret that has several; null: the whole text</param>
    /// <exception cref="SecretUnavailableException">There is no such secret, or the store refuses or does not answer; the message holds no secret.</exception>
    Task<string> ReadAsync(string name, string? field, CancellationToken cancel);
}

/// <summary>Says why a secret could not be had, never what it is.</summary>
public sealed class SecretUnavailableException : Exception
{
    public SecretUnavailableException()
    {
    }

    public SecretUnavailableException(string message) : base(message)
    {
    }

    public SecretUnavailableException(string message, Exception inner) : base(message, inner)
    {
    }
}

/// <summary>Replaces settings of the form <c>SCHEME:NAME#FIELD</c> by what the store holds, once, at start.</summary>
public static class SecretReferences
{
    private static readonly string[] Schemes = [VaultSecrets.SchemeName, AwsSecrets.SchemeName];

    /// <summary>The scheme of a reference; null when the text is none.</summary>
    public static string? SchemeOf(string? value) =>
        value is null ? null : Array.Find(Schemes, s => value.Length > s.Length + 1 && value.StartsWith(s + ":", StringComparison.Ordinal));

    /// <returns>References that could not be resolved; their settings keep the reference as value.</returns>
    public static async Task<IReadOnlyList<ConfigurationMistake>> AddSecretReferencesAsync(this IConfigurationManager configuration, IReadOnlyCollection<ISecretStore> stores, CancellationToken cancel = default)
    {
        var mistakes = new List<ConfigurationMistake>();
        var values = new Dictionary<string, string?>();
        foreach (var (key, reference) in configuration.AsEnumerable().Where(p => p.Key.Contains(':') && SchemeOf(p.Value) is not null).ToList())
        {
            var scheme = SchemeOf(reference)!;
            var (name, field) = Split(reference![(scheme.Length + 1)..]);
            try
            {
                var store = stores.FirstOrDefault(s => s.Scheme == scheme)
                    ?? throw new SecretUnavailableException($"no secret store for {scheme} is set up");
                values[key] = await store.ReadAsync(name, field, cancel);
                values[key + SourceSuffix] = reference;
            }
            catch (SecretUnavailableException e)
            {
                mistakes.Add(new ConfigurationMistake(key, $"the secret {reference} cannot be had: {e.Message}", Remedy(scheme)));
            }
        }
        configuration.AddInMemoryCollection(values);
        return mistakes;
    }

    /// <summary>Beside a resolved setting stands where it came from, for the settings page.</summary>
    internal const string SourceSuffix = "_SOURCE";

    internal static string FieldOf(JsonElement secret, string? field, string name)
    {
        if (field is null)
            throw new SecretUnavailableException($"the secret {name} has several fields: write {name}#FIELD");
        return secret.ValueKind == JsonValueKind.Object && secret.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new SecretUnavailableException($"the secret {name} has no text field {field}");
    }

    private static (string Name, string? Field) Split(string reference) =>
        reference.LastIndexOf('#') is > 0 and var hash ? (reference[..hash], reference[(hash + 1)..]) : (reference, null);

    private static string Remedy(string scheme) => scheme == VaultSecrets.SchemeName
        ? "Set VAULT_ADDR and VAULT_TOKEN (or VAULT_TOKEN_FILE), and check that the token's policy may read this path."
        : "Give the console an AWS identity with secretsmanager:GetSecretValue on this secret, and AWS_REGION.";
}
