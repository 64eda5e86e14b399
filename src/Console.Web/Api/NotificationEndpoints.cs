using OpsConsole.Core.Alerts.Notifications;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

public static class NotificationEndpoints
{
    public static void MapNotifications(this RouteGroupBuilder api)
    {
        var notifications = api.MapGroup("/notifications").WithTags("Notifications").RequireAuthorization(Policies.ManageSettings);
        notifications.MapGet("", async (int? limit, Outbox outbox, CancellationToken cancel) =>
        {
            var check = new Check();
            var size = check.Range("limit", limit ?? 100, 1, 500);
            return check.Problem() ?? TypedResults.Ok(new Page<OutboxEntry>(await outbox.ListAsync(size, cancel)));
        }).WithSummary("Messages to people, newest first, and whether they were delivered").Produces<Page<OutboxEntry>>();
        notifications.MapPost("/{channel}/test", async (string channel, HttpContext context, Outbox outbox, NotificationSender sender, IEnumerable<INotificationChannel> channels, IAuditLog audit, CancellationToken cancel) =>
        {
            if (channels.All(c => c.Id != channel))
                throw new KeyNotFoundException($"There is no channel {channel}. Configured: {string.Join(", ", channels.Select(c => c.Id))}.");
            await audit.AppendAsync(new AuditDraft(context.User.Email(), "notification.test", $"channel:{channel}", From: context.From()), cancel);
            var id = await outbox.TestAsync(channel, context.User.Email(), cancel);
            sender.Wake();
            return TypedResults.Accepted((string?)null, new { id });
        }).WithSummary("Send a test message; the list says whether it arrived");
    }
}
