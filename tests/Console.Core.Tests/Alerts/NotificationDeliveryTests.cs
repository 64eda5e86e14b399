using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Alerts.Notifications;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Health;
using OpsConsole.Core.Tests.Live;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Alerts;

/// <summary>From an audit entry to a receiver, on a real database, a real HTTP receiver and a real mail server.</summary>
public sealed class NotificationDeliveryTests : IAsyncLifetime
{
    private const string Secret = "a shared secret of some length";
    private readonly FakeTimeProvider _clock = new(TimeProvider.System.GetUtcNow());
    private TestDatabase _database = null!;
    private AuditLog _audit = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync(AuditDb.ConsoleSchema, AlertsDb.ConsoleSchema);
        _audit = new AuditLog(_database.Console, _clock);
        await _audit.AppendAsync(new AuditDraft("ann@example.org", "failover.breakGlass", "operation:1", "long before"));
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    private NotificationSender Node(params INotificationChannel[] channels) => new(
        new Outbox(_database.Console, new AuditReader(_database.Console), channels, _clock), channels, new NotificationOptions { FirstRetrySeconds = 5, GiveUpHours = 1 },
        new SilentReducer(), _clock, NullLogger<NotificationSender>.Instance);

    private Outbox Look(params INotificationChannel[] channels) => new(_database.Console, new AuditReader(_database.Console), channels, _clock);

    private WebhookChannel Hook(HttpReceiver receiver, params NotificationKind[] kinds) => new(
        new WebhookOptions { Id = "on-call", Url = receiver.Url, Secret = Secret, Kinds = [.. kinds] }, "https://console.example.org/", new HttpClient(), _clock);

    [Fact]
    public async Task Send_BreakGlass_ArrivesSignedOnceWithALink()
    {
        await using var receiver = new HttpReceiver();
        using var node = Node(Hook(receiver));
        await node.SendDueAsync(default); // what happened before the first start is not told
        await _audit.AppendAsync(new AuditDraft("ann@example.org", "failover.breakGlass", "operation:7", "orders are lost", After: new { title = "Fail over" }));
        await node.SendDueAsync(default);
        await node.SendDueAsync(default);

        var (headers, body) = Assert.Single(receiver.Got);
        Assert.Equal(WebhookChannel.Sign(Secret, _clock.GetUtcNow(), Encoding.UTF8.GetBytes(body)), headers[WebhookChannel.SignatureHeader]);
        Assert.NotEqual(WebhookChannel.Sign("another secret, just as long", _clock.GetUtcNow(), Encoding.UTF8.GetBytes(body)), headers[WebhookChannel.SignatureHeader]);
        var message = JsonNode.Parse(body)!;
        Assert.Equal(("breakGlass", "Glass broken: Fail over", "orders are lost", "https://console.example.org/operations/7"),
            ((string)message["kind"]!, (string)message["title"]!, (string)message["detail"]!, (string)message["link"]!));
        Assert.Equal((string)message["id"]!, headers[WebhookChannel.DeliveryHeader]);
    }

    [Fact]
    public async Task Send_ReceiverDown_IsRetriedWithGrowingPausesByAnotherNodeToo()
    {
        await using var receiver = new HttpReceiver { Status = 503 };
        var hook = Hook(receiver);
        using (var first = Node(hook))
        {
            await first.SendDueAsync(default);
            await _audit.AppendAsync(new AuditDraft("ann@example.org", "approval.refused", "approval:7", "self-approval"));
            await first.SendDueAsync(default);
        }
        using var second = Node(hook); // the console was started again
        await second.SendDueAsync(default);
        Assert.Single(receiver.Got);
        _clock.Advance(TimeSpan.FromSeconds(5.1));
        await second.SendDueAsync(default);
        _clock.Advance(TimeSpan.FromSeconds(5.1)); // the second pause is 10 s
        await second.SendDueAsync(default);
        Assert.Equal(2, receiver.Got.Count);
        receiver.Status = 204;
        _clock.Advance(TimeSpan.FromSeconds(5.1));
        await second.SendDueAsync(default);
        Assert.Equal(3, receiver.Got.Count);
        Assert.Single(receiver.Got.Select(g => g.Headers[WebhookChannel.DeliveryHeader]).Distinct());
        Assert.NotNull(Assert.Single(await Look(hook).ListAsync(10)).DeliveredAt);
    }

    [Fact]
    public async Task Send_NeverAnswered_IsGivenUpAndSaysSo()
    {
        await using var receiver = new HttpReceiver { Status = 500 };
        var hook = Hook(receiver);
        using var node = Node(hook);
        await node.SendDueAsync(default);
        await _audit.AppendAsync(new AuditDraft("ann@example.org", "approval.refused", "approval:7", "self-approval"));
        for (var i = 0; i < 15; i++)
        {
            await node.SendDueAsync(default);
            _clock.Advance(TimeSpan.FromHours(1));
        }
        var entry = Assert.Single(await Look(hook).ListAsync(10));
        Assert.NotNull(entry.AbandonedAt);
        Assert.Contains("500", entry.LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Send_TwoNodesAtOnce_DeliversOnce()
    {
        await using var receiver = new HttpReceiver();
        var hook = Hook(receiver);
        using NotificationSender one = Node(hook), two = Node(hook);
        await one.SendDueAsync(default);
        for (var i = 0; i < 20; i++)
            await _audit.AppendAsync(new AuditDraft("ann@example.org", "failover.breakGlass", $"operation:{i}", "again"));
        await Task.WhenAll(one.SendDueAsync(default), two.SendDueAsync(default));
        await one.SendDueAsync(default);
        Assert.Equal(20, receiver.Got.Count);
    }

    [Fact]
    public async Task Send_OtherKindThanAsked_StaysAway()
    {
        await using var receiver = new HttpReceiver();
        using var node = Node(Hook(receiver, NotificationKind.BreakGlass));
        await node.SendDueAsync(default);
        await _audit.AppendAsync(new AuditDraft("ann@example.org", "approval.approve", "approval:7", "fine"));
        await node.SendDueAsync(default);
        Assert.Empty(receiver.Got);
    }

    [Fact]
    public async Task Send_Mail_ArrivesAtARealServerAfterARefusal()
    {
        await using var server = await NodeProgram.StartAsync("smtp.cjs");
        var port = (int)(await server.ReadAsync())["port"]!;
        var mail = new EmailChannel(new EmailOptions { Host = "127.0.0.1", Port = port, Security = MailSecurity.None, From = "console@example.org", To = ["oncall@example.org", "lead@example.org"] }, "https://console.example.org");
        using var node = Node(mail);
        await node.SendDueAsync(default);
        await server.TellAsync("fail 1");
        await _audit.AppendAsync(new AuditDraft("system", "failover.request", "operation:9", "the primary is dead", After: new { standingApproval = true, title = "Fail orders over" }));
        await node.SendDueAsync(default);
        Assert.True((bool)(await server.ReadAsync())["refused"]!);
        _clock.Advance(TimeSpan.FromSeconds(6));
        await node.SendDueAsync(default);
        var got = await server.ReadAsync();
        Assert.Equal(["oncall@example.org", "lead@example.org"], got["to"]!.AsArray().Select(t => (string)t!));
        var text = (string)got["text"]!;
        Assert.Contains("Subject: [OpsConsole] Started by the console: Fail orders over", text, StringComparison.Ordinal);
        Assert.Contains("https://console.example.org/operations/9", text, StringComparison.Ordinal);
    }
}
