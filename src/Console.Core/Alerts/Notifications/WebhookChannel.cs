using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Alerts.Notifications;

/// <summary>JSON by POST, signed: header <c>X-OpsConsole-Signature: t=SECONDS,v1=HEX</c> where HEX is the HMAC-SHA256 of <c>SECONDS.BODY</c>
/// under the shared secret. The receiver refuses old times and drops a repeated <c>X-OpsConsole-Delivery</c>.</summary>
public sealed class WebhookChannel(WebhookOptions options, string consoleUrl, HttpClient http, TimeProvider clock) : INotificationChannel
{
    public const string SignatureHeader = "X-OpsConsole-Signature";
    public const string DeliveryHeader = "X-OpsConsole-Delivery";

    public string Id => $"webhook:{options.Id}";

    public bool Takes(NotificationKind kind) => kind == NotificationKind.Test || options.Kinds.Count == 0 || options.Kinds.Contains(kind);

    public async Task SendAsync(Guid delivery, Notification notification, CancellationToken cancel)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new
        {
            id = delivery, notification.Kind, notification.Title, notification.Detail, notification.By, at = notification.At.UtcDateTime, link = Link.To(consoleUrl, notification),
        }, OperationJson.Options);
        using var request = new HttpRequestMessage(HttpMethod.Post, options.Url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(DeliveryHeader, delivery.ToString());
        request.Headers.Add(SignatureHeader, Sign(options.Secret, clock.GetUtcNow(), body));
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        if (!response.IsSuccessStatusCode) throw new HttpRequestException($"The receiver answered {(int)response.StatusCode}.");
    }

    public static string Sign(string secret, DateTimeOffset at, ReadOnlySpan<byte> body)
    {
        var time = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var mac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), (byte[])[.. Encoding.UTF8.GetBytes(time + "."), .. body]);
        return $"t={time},v1={Convert.ToHexStringLower(mac)}";
    }
}

internal static class Link
{
    public static string? To(string consoleUrl, Notification notification) => consoleUrl.Length == 0 ? null : consoleUrl.TrimEnd('/') + notification.Path;
}
