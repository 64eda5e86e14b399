using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace OpsConsole.Core.Alerts.Notifications;

/// <summary>Plain mail over SMTP, one connection a message.</summary>
public sealed class EmailChannel(EmailOptions options, string consoleUrl) : INotificationChannel
{
    private const int TimeoutMilliseconds = 20_000;

    public string Id => "email";

    public bool Takes(NotificationKind kind) => kind == NotificationKind.Test || options.Kinds.Count == 0 || options.Kinds.Contains(kind);

    public async Task SendAsync(Guid delivery, Notification notification, CancellationToken cancel)
    {
        using var message = Message(delivery, notification);
        using var client = new SmtpClient { Timeout = TimeoutMilliseconds };
        await client.ConnectAsync(options.Host, options.Port, options.Security switch
        {
            MailSecurity.Tls => SecureSocketOptions.SslOnConnect,
            MailSecurity.StartTls => SecureSocketOptions.StartTls,
            _ => SecureSocketOptions.None,
        }, cancel);
        if (options.Username.Length > 0) await client.AuthenticateAsync(options.Username, options.Password, cancel);
        await client.SendAsync(message, cancel);
        await client.DisconnectAsync(quit: true, cancel);
    }

    private MimeMessage Message(Guid delivery, Notification notification)
    {
        var message = new MimeMessage { Subject = $"[OpsConsole] {notification.Title}", MessageId = $"{delivery}@opsconsole", Date = notification.At };
        message.From.Add(MailboxAddress.Parse(options.From));
        message.To.AddRange(options.To.Select(MailboxAddress.Parse));
        // No automatic replies.
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        message.Body = new TextPart("plain") { Text = string.Join("\n", Lines(notification)) };
        return message;
    }

    private IEnumerable<string> Lines(Notification notification)
    {
        yield return notification.Title;
        yield return "";
        if (notification.Detail.Length > 0) yield return notification.Detail;
        yield return $"By {notification.By}, {notification.At.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC.";
        if (Link.To(consoleUrl, notification) is not { } link) yield break;
        yield return "";
        yield return link;
    }
}
