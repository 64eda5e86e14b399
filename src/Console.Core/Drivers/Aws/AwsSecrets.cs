using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.Runtime.Signing;
using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Fleet.Configuration;

namespace OpsConsole.Core.Drivers.Aws;

/// <summary>AWS Secrets Manager: <c>aws-sm:NAME</c>, or <c>aws-sm:NAME#FIELD</c> of a secret that is a JSON object. Requests are signed (Signature Version 4).</summary>
public sealed class AwsSecrets : ISecretStore, IDisposable
{
    public const string SchemeName = "aws-sm";
    private static readonly MediaTypeHeaderValue Json = new("application/x-amz-json-1.1");

    private readonly Uri _endpoint;
    private readonly HttpClient _client;

    /// <param name="endpoint">null: the service's public one in the region</param>
    public AwsSecrets(AWSCredentials credentials, string region, TimeSpan timeout, Uri? endpoint = null)
    {
        _endpoint = endpoint ?? new Uri($"https://secretsmanager.{region}.amazonaws.com/");
        _client = new HttpClient(new SigV4SigningHandler(credentials, Amazon.RegionEndpoint.GetBySystemName(region), "secretsmanager", new SocketsHttpHandler())) { Timeout = timeout };
    }

    public string Scheme => SchemeName;

    /// <summary>By <c>AWS_REGION</c> and AWS's usual chain of identities; null where either is missing.</summary>
    public static AwsSecrets? FromEnvironment(IConfiguration environment, TimeSpan timeout)
    {
        if ((environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"]) is not { Length: > 0 } region)
            return null;
        var endpoint = environment["AWS_ENDPOINT_URL_SECRETS_MANAGER"] ?? environment["AWS_ENDPOINT_URL"];
        try
        {
            return new AwsSecrets(DefaultAWSCredentialsIdentityResolver.GetCredentials(), region, timeout, endpoint is { Length: > 0 } ? new Uri(endpoint) : null);
        }
        catch (AmazonClientException)
        {
            return null; // each reference is then reported with how to mend it
        }
    }

    public async Task<string> ReadAsync(string name, string? field, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _endpoint);
        request.Headers.Add("X-Amz-Target", "secretsmanager.GetSecretValue");
        request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { SecretId = name })));
        request.Content.Headers.ContentType = Json;
        try
        {
            using var response = await _client.SendAsync(request, cancel);
            await using var body = await response.Content.ReadAsStreamAsync(cancel);
            using var json = await JsonDocument.ParseAsync(body, cancellationToken: cancel);
            if (!response.IsSuccessStatusCode)
                throw new SecretUnavailableException(Why(json.RootElement, (int)response.StatusCode));
            var text = json.RootElement.GetProperty("SecretString").GetString()!;
            if (field is null)
                return text;
            using var secret = JsonDocument.Parse(text);
            return SecretReferences.FieldOf(secret.RootElement, field, name);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancel.IsCancellationRequested)
        {
            throw new SecretUnavailableException($"Secrets Manager at {_endpoint.Authority} does not answer", e);
        }
        catch (Exception e) when (e is AmazonClientException)
        {
            throw new SecretUnavailableException("no AWS identity was found", e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException)
        {
            throw new SecretUnavailableException(field is null ? "Secrets Manager's answer holds no text" : "the secret is not a JSON object", null!);
        }
    }

    private static string Why(JsonElement error, int status)
    {
        var type = error.TryGetProperty("__type", out var value) ? value.GetString() ?? "" : "";
        return type[(type.LastIndexOf('#') + 1)..] switch
        {
            "ResourceNotFoundException" => "there is no such secret",
            "AccessDeniedException" => "AWS refuses access",
            { Length: > 0 } other => $"AWS answered {other}",
            _ => $"AWS answered {status}",
        };
    }

    public void Dispose() => _client.Dispose();
}
