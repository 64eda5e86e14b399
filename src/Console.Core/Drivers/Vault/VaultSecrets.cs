using System.Net;
using System.Text.Json;
using OpsConsole.Core.Fleet.Configuration;

namespace OpsConsole.Core.Drivers.Vault;

/// <summary>HashiCorp Vault, key/value engine version 2: <c>vault:MOUNT/PATH#FIELD</c>.</summary>
/// <param name="client">its time-out bounds each read</param>
public sealed class VaultSecrets(HttpClient client, Uri address, string token, string? vaultNamespace = null) : ISecretStore
{
    public const string SchemeName = "vault";

    public string Scheme => SchemeName;

    public async Task<string> ReadAsync(string name, string? field, CancellationToken cancel)
    {
        if (name.Split('/', 2) is not [{ Length: > 0 } mount, { Length: > 0 } path])
            throw new SecretUnavailableException("the reference has no path: write vault:MOUNT/PATH#FIELD");
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, $"/v1/{mount}/data/{path}"));
        request.Headers.Add("X-Vault-Token", token);
        if (vaultNamespace is not null)
            request.Headers.Add("X-Vault-Namespace", vaultNamespace);
        try
        {
            using var response = await client.SendAsync(request, cancel);
            if (!response.IsSuccessStatusCode)
                throw new SecretUnavailableException(Why(response.StatusCode));
            await using var body = await response.Content.ReadAsStreamAsync(cancel);
            using var json = await JsonDocument.ParseAsync(body, cancellationToken: cancel);
            return SecretReferences.FieldOf(json.RootElement.GetProperty("data").GetProperty("data"), field, name);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancel.IsCancellationRequested)
        {
            throw new SecretUnavailableException($"Vault at {address.Authority} does not answer", e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new SecretUnavailableException("Vault's answer is not that of a key/value engine of version 2", e);
        }
    }

    private static string Why(HttpStatusCode status) => status switch
    {
        HttpStatusCode.NotFound => "there is no such secret",
        HttpStatusCode.Forbidden => "Vault refuses the token",
        HttpStatusCode.ServiceUnavailable => "Vault is sealed",
        _ => $"Vault answered {(int)status}",
    };
}
