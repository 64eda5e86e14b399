using Microsoft.Extensions.Options;

namespace OpsConsole.Web.Identity;

/// <summary>Configuration section <c>Access</c>.</summary>
public sealed class AccessOptions
{
    public const string Section = "Access";

    /// <summary>E-mail of the administrator that the first start makes.</summary>
    public string FirstAdministrator { get; set; } = "admin@opsconsole.local";

    /// <summary>Wrong passwords or codes in a row before an account is locked. 3 to 20.</summary>
    public int LockoutFailures { get; set; } = 5;

    /// <summary>How long it stays locked. 1 to 1,440 min.</summary>
    public int LockoutMinutes { get; set; } = 15;

    /// <summary>Sign-in attempts per minute from one address, right or wrong. 5 to 10,000.</summary>
    public int SignInsPerMinute { get; set; } = 60;

    /// <summary>Sliding life of a browser session. 1 to 72 h.</summary>
    public int SessionHours { get; set; } = 8;

    /// <summary>How often a session is held against the user's security stamp. 5 to 600 s.</summary>
    public int RevalidateSeconds { get; set; } = 60;

    /// <summary>Life of a one-time password. 1 to 720 h. That of the first administrator does not expire.</summary>
    public int OneTimePasswordHours { get; set; } = 72;

    /// <summary>Longest life of an API token. 1 to 3,650 days.</summary>
    public int TokenDays { get; set; } = 365;

    /// <summary>Requests per second that one token or session may make in the long run; a burst of twice as many is let through. 20 to 100,000.</summary>
    public int RequestsPerSecond { get; set; } = 100;

    /// <summary>Origins that may call the API from a browser (CORS), such as <c>https://wall.example.org</c>. None by default.</summary>
    public List<string> AllowedOrigins { get; set; } = [];

    /// <summary>Whether /metrics answers without sign-in to callers on this machine. Others always need a token.</summary>
    public bool MetricsFromLoopback { get; set; } = true;

    /// <summary>PKCS #12 file that encrypts the keys of sessions and second factors in the database, the same on all nodes; empty: they
    /// rest there unencrypted.</summary>
    public string KeyCertificateFile { get; set; } = "";
    public string KeyCertificatePassword { get; set; } = "";

    /// <summary>Addresses of reverse proxies whose X-Forwarded-* headers are believed. None by default.</summary>
    public List<string> TrustedProxies { get; set; } = [];
}

public sealed class AccessOptionsValidator : IValidateOptions<AccessOptions>
{
    public ValidateOptionsResult Validate(string? name, AccessOptions options)
    {
        var mistakes = new List<string>();
        if (!EmailAddress.IsValid(options.FirstAdministrator))
            mistakes.Add($"Access:FirstAdministrator: '{options.FirstAdministrator}' is no e-mail address; give one such as admin@example.org.");
        Range("LockoutFailures", options.LockoutFailures, 3, 20);
        Range("LockoutMinutes", options.LockoutMinutes, 1, 1440);
        Range("SignInsPerMinute", options.SignInsPerMinute, 5, 10_000);
        Range("SessionHours", options.SessionHours, 1, 72);
        Range("RevalidateSeconds", options.RevalidateSeconds, 5, 600);
        Range("OneTimePasswordHours", options.OneTimePasswordHours, 1, 720);
        Range("TokenDays", options.TokenDays, 1, 3650);
        Range("RequestsPerSecond", options.RequestsPerSecond, 20, 100_000);
        foreach (var origin in options.AllowedOrigins.Where(o => !IsOrigin(o)))
            mistakes.Add($"Access:AllowedOrigins: '{origin}' is no origin; write scheme, host and port only, such as https://wall.example.org.");
        if (options.KeyCertificateFile.Length > 0 && !File.Exists(options.KeyCertificateFile))
            mistakes.Add($"Access:KeyCertificateFile: there is no file {options.KeyCertificateFile}; give a PKCS #12 file with its private key.");
        foreach (var proxy in options.TrustedProxies.Where(p => !System.Net.IPAddress.TryParse(p, out _)))
            mistakes.Add($"Access:TrustedProxies: '{proxy}' is no IP address.");
        return mistakes.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(mistakes);

        void Range(string key, int value, int low, int high)
        {
            if (value < low || value > high)
                mistakes.Add($"Access:{key}: {value} is outside {low} to {high}.");
        }
    }

    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme is "http" or "https") && uri.GetLeftPart(UriPartial.Authority) == text;
}
