using Microsoft.Extensions.Options;

namespace OpsConsole.Web.Identity;

/// <summary>Configuration section <c>Access:Oidc</c>: single sign-on with OpenID Connect (authorization code with PKCE). Off by default.</summary>
public sealed class OidcOptions
{
    public const string Section = "Access:Oidc";

    public bool Enabled { get; set; }

    /// <summary>Issuer, such as <c>https://login.example.org</c>. Plain http is accepted from this machine only.</summary>
    public string Authority { get; set; } = "";

    public string ClientId { get; set; } = "";

    public string ClientSecret { get; set; } = "";

    /// <summary>On the button: "Sign in with …".</summary>
    public string DisplayName { get; set; } = "single sign-on";

    public List<string> Scopes { get; set; } = ["openid", "profile", "email"];

    /// <summary>Claim of the ID token that says what somebody is.</summary>
    public string RoleClaim { get; set; } = "roles";

    /// <summary>Values of that claim to roles of the console: <c>"sre": "operator"</c>. Values without an entry count for nothing.</summary>
    public Dictionary<string, string> Roles { get; set; } = [];

    /// <summary>Whether a first sign-in makes an account. Otherwise people link theirs on the account page.</summary>
    public bool CreateUsers { get; set; } = true;

    public bool IsLoopback => Uri.TryCreate(Authority, UriKind.Absolute, out var uri) && uri.IsLoopback;
}

public sealed class OidcOptionsValidator : IValidateOptions<OidcOptions>
{
    public ValidateOptionsResult Validate(string? name, OidcOptions options)
    {
        if (!options.Enabled)
            return ValidateOptionsResult.Success;
        var mistakes = new List<string>();
        if (!Uri.TryCreate(options.Authority, UriKind.Absolute, out var authority) || authority.Scheme != "https" && !(authority.Scheme == "http" && authority.IsLoopback))
            mistakes.Add($"{OidcOptions.Section}:Authority: '{options.Authority}' is no https address.");
        if (options.ClientId.Length == 0)
            mistakes.Add($"{OidcOptions.Section}:ClientId: give the id under which the provider knows the console.");
        if (!options.Scopes.Contains("openid"))
            mistakes.Add($"{OidcOptions.Section}:Scopes: openid is missing.");
        foreach (var (value, role) in options.Roles.Where(r => !Core.Approvals.Roles.All.Contains(r.Value)))
            mistakes.Add($"{OidcOptions.Section}:Roles:{value}: '{role}' is no role; use {string.Join(", ", Core.Approvals.Roles.All)}.");
        return mistakes.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(mistakes);
    }
}
