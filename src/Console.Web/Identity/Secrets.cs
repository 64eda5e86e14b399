using System.Security.Cryptography;
using System.Text;

namespace OpsConsole.Web.Identity;

/// <summary>Random texts that people or programs carry. All come from the operating system's generator.</summary>
public static class Secrets
{
    public const string TokenPrefix = "opsc_";
    private const string Readable = "abcdefghjkmnpqrstuvwxyz23456789";

    /// <summary>99 bits in four groups that can be read aloud.</summary>
    public static string OneTimePassword() =>
        string.Join('-', Enumerable.Range(0, 4).Select(_ => RandomNumberGenerator.GetString(Readable, 5)));

    /// <summary>256 bits.</summary>
    public static string ApiToken() => TokenPrefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));
}
