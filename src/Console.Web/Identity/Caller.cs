using System.Net;
using System.Security.Claims;

namespace OpsConsole.Web.Identity;

/// <summary>Names of the claims that sessions and tokens carry, and short ways to read them.</summary>
public static class Caller
{
    public const string MustChangePassword = "opsconsole:must-change-password";
    public const string DisplayName = "opsconsole:display-name";
    public const string TokenId = "opsconsole:token";
    public const string Scope = "opsconsole:scope";
    public const string Enrolled = "opsconsole:totp";

    public static Guid UserId(this ClaimsPrincipal user) => Guid.Parse(user.FindFirstValue(ClaimTypes.NameIdentifier)
        ?? throw new InvalidOperationException("The endpoint needs a signed-in caller."));

    public static string Email(this ClaimsPrincipal user) => user.FindFirstValue(ClaimTypes.Email) ?? user.FindFirstValue(ClaimTypes.Name) ?? "";

    public static IReadOnlyList<string> RoleNames(this ClaimsPrincipal user) =>
        user.FindAll(ClaimTypes.Role).Select(c => c.Value).Order(StringComparer.Ordinal).ToList();

    public static bool IsToken(this ClaimsPrincipal user) => user.HasClaim(c => c.Type == TokenId);

    /// <summary>For the audit log's "from where": the address, and the token when one was used.</summary>
    public static string? From(this HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress is { } ip ? (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).ToString() : null;
        return context.User.FindFirstValue(TokenId) is { } token ? $"{address} token:{token}" : address;
    }

    public static bool IsLoopback(this HttpContext context) => context.Connection.RemoteIpAddress is { } ip && IPAddress.IsLoopback(ip);
}
