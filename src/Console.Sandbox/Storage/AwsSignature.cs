using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OpsConsole.Sandbox.Storage;

/// <summary>Checks AWS Signature Version 4 in the Authorization header.</summary>
public sealed class AwsSignature(string accessKey, string secretKey)
{
    /// <summary>From now on the key is refused, as after its revocation.</summary>
    public bool Revoked { get; set; }

    /// <summary>Requests whose time is further from it than 15 minutes are refused, as by S3; null: any time is taken.</summary>
    public TimeProvider? Clock { get; set; }

    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(15);
    private const string Algorithm = "AWS4-HMAC-SHA256";
    public const string ContentHash = "x-amz-content-sha256";

    /// <summary>The S3 error code, or null when the signature is right.</summary>
    public string? Refusal(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Algorithm, StringComparison.Ordinal))
        {
            return "AccessDenied";
        }

        var fields = header[Algorithm.Length..].Split(',', StringSplitOptions.TrimEntries)
            .Select(f => f.Split('=', 2)).Where(f => f.Length == 2).ToDictionary(f => f[0], f => f[1]);
        var scope = fields.GetValueOrDefault("Credential", "").Split('/');
        if (scope.Length != 5 || scope[0] != accessKey || Revoked)
        {
            return "InvalidAccessKeyId";
        }

        if (Clock is { } clock && (!DateTimeOffset.TryParseExact(request.Headers["x-amz-date"], "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) || (clock.GetUtcNow() - at).Duration() > Skew))
        {
            return "RequestTimeTooSkewed";
        }

        var given = Encoding.ASCII.GetBytes(fields.GetValueOrDefault("Signature", ""));
        var expected = Encoding.ASCII.GetBytes(Sign(request, scope, fields.GetValueOrDefault("SignedHeaders", "")));
        return CryptographicOperations.FixedTimeEquals(given, expected) ? null : "SignatureDoesNotMatch";
    }

    private string Sign(HttpRequest request, string[] scope, string signedHeaders)
    {
        var headers = string.Concat(signedHeaders.Split(';').Select(h => $"{h}:{string.Join(',', request.Headers[h].Select(v => v?.Trim()))}\n"));
        var query = string.Join('&', request.Query.SelectMany(q => q.Value.Select(v => $"{Escape(q.Key)}={Escape(v ?? "")}")).Order(StringComparer.Ordinal));
        var path = string.Join('/', Uri.UnescapeDataString(RawPath(request)).Split('/').Select(Escape));
        var canonical = $"{request.Method}\n{path}\n{query}\n{headers}\n{signedHeaders}\n{request.Headers[ContentHash]}";
        var toSign = $"{Algorithm}\n{request.Headers["x-amz-date"]}\n{string.Join('/', scope[1..])}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key = scope[1..].Aggregate(Encoding.UTF8.GetBytes("AWS4" + secretKey), Hmac);
        return Convert.ToHexStringLower(Hmac(key, toSign));
    }

    /// <summary>The path as it was sent: routing has already decoded the other one.</summary>
    public static string RawPath(HttpRequest request) =>
        request.HttpContext.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget.Split('?')[0];

    private static byte[] Hmac(byte[] key, string data) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(data));

    private static string Escape(string text) => Uri.EscapeDataString(text);
}
