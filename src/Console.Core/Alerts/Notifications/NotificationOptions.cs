using Microsoft.Extensions.Options;

namespace OpsConsole.Core.Alerts.Notifications;

/// <summary>Configuration section <c>Notifications</c>: where people hear of break-glass, automatic failovers, refused tries and approvals.</summary>
public sealed class NotificationOptions
{
    public const string Section = "Notifications";

    /// <summary>Address of this console as people open it, for links: <c>https://console.example.org</c>. Empty: no links.</summary>
    public string ConsoleUrl { get; set; } = "";

    public List<WebhookOptions> Webhooks { get; set; } = [];

    public EmailOptions Email { get; set; } = new();

    /// <summary>First pause after a failed delivery; doubles up to an hour. 0.1 to 3,600 s.</summary>
    public double FirstRetrySeconds { get; set; } = 5;

    /// <summary>After this time a message is given up, and says so in the console. 0.1 to 168 h.</summary>
    public double GiveUpHours { get; set; } = 24;
}

public sealed class WebhookOptions
{
    /// <summary>Short name, unique: <c>on-call</c>.</summary>
    public string Id { get; set; } = "";

    public string Url { get; set; } = "";

    /// <summary>Key of the signature (HMAC-SHA256), at least 16 characters.</summary>
    public string Secret { get; set; } = "";

    /// <summary>Kinds to send (<see cref="NotificationKind"/>); empty: all.</summary>
    public List<NotificationKind> Kinds { get; set; } = [];
}

/// <summary>How the connection to the mail server is protected.</summary>
public enum MailSecurity { StartTls, Tls, None }

public sealed class EmailOptions
{
    /// <summary>Mail server; empty: no mail.</summary>
    public string Host { get; set; } = "";

    public int Port { get; set; } = 587;

    /// <summary>startTls (default), tls, or none: for a server on this machine only.</summary>
    public MailSecurity Security { get; set; } = MailSecurity.StartTls;

    public string Username { get; set; } = "";

    public string Password { get; set; } = "";

    public string From { get; set; } = "";

    public List<string> To { get; set; } = [];

    /// <inheritdoc cref="WebhookOptions.Kinds"/>
    public List<NotificationKind> Kinds { get; set; } = [];
}

internal sealed class NotificationOptionsValidator : IValidateOptions<NotificationOptions>
{
    public ValidateOptionsResult Validate(string? name, NotificationOptions options)
    {
        var mistakes = Mistakes(options).Select(m => $"{NotificationOptions.Section}:{m}").ToList();
        return mistakes.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(mistakes);
    }

    private static IEnumerable<string> Mistakes(NotificationOptions options)
    {
        if (options.ConsoleUrl.Length > 0 && !IsHttp(options.ConsoleUrl)) yield return $"ConsoleUrl: '{options.ConsoleUrl}' is no http or https address.";
        if (options.FirstRetrySeconds is < 0.1 or > 3600) yield return $"FirstRetrySeconds: {options.FirstRetrySeconds} is outside 0.1 to 3,600.";
        if (options.GiveUpHours is < 0.1 or > 168) yield return $"GiveUpHours: {options.GiveUpHours} is outside 0.1 to 168.";
        foreach (var (hook, index) in options.Webhooks.Select((w, i) => (w, i)))
        {
            if (hook.Id.Length is 0 or > 50 || !hook.Id.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')) yield return $"Webhooks:{index}:Id: give a short name of letters, digits and dashes.";
            if (!IsHttp(hook.Url)) yield return $"Webhooks:{index}:Url: '{hook.Url}' is no http or https address.";
            if (hook.Secret.Length < 16) yield return $"Webhooks:{index}:Secret: give at least 16 characters; the receiver checks the signature with it.";
        }
        if (options.Webhooks.Select(w => w.Id).Distinct().Count() != options.Webhooks.Count) yield return "Webhooks: ids must differ.";
        foreach (var mistake in Mail(options.Email)) yield return $"Email:{mistake}";
    }

    private static IEnumerable<string> Mail(EmailOptions mail)
    {
        if (mail.Host.Length == 0) yield break;
        if (mail.Port is < 1 or > 65_535) yield return $"Port: {mail.Port} is outside 1 to 65,535.";
        if (!MimeKit.MailboxAddress.TryParse(mail.From, out _)) yield return $"From: '{mail.From}' is no mail address.";
        if (mail.To.Count == 0) yield return "To: name at least one mail address.";
        foreach (var to in mail.To.Where(t => !MimeKit.MailboxAddress.TryParse(t, out _))) yield return $"To: '{to}' is no mail address.";
        if (mail is { Security: MailSecurity.None, Username.Length: > 0 }) yield return "Security: none would send the password in clear; use startTls or tls.";
    }

    private static bool IsHttp(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https";
}
