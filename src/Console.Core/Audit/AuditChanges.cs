using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Audit;

/// <summary>Users, roles, tokens and settings that were changed, for "what changed in the last hour". Sign-ins are no changes.</summary>
public sealed class AuditChanges(ConsoleDatabase database) : IChangeSource
{
    public async Task<IReadOnlyList<ChangeItem>> ReadAsync(DateTimeOffset since, int limit, CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand("""
            SELECT e.at, e.action, e.target, e.reason, p.value FROM audit.entry e LEFT JOIN audit.person p ON p.digest = e.actor
            WHERE e.at >= @since AND (starts_with(e.action, 'user.') OR starts_with(e.action, 'settings.') OR starts_with(e.action, 'failover.advi')) ORDER BY e.sequence DESC LIMIT @limit
            """);
        command.Parameters.AddWithValue("since", since.ToUniversalTime());
        command.Parameters.AddWithValue("limit", limit);
        var items = new List<ChangeItem>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var action = reader.GetString(1);
            items.Add(new ChangeItem(reader.GetFieldValue<DateTimeOffset>(0), Kind(action),
                Words(action), reader.IsDBNull(3) ? "" : reader.GetString(3), reader.IsDBNull(4) ? "erased" : reader.GetString(4), $"audit?action={action}"));
        }
        return items;
    }

    private static string Kind(string action) => action.Split('.')[0] switch { "user" => "access", "failover" => "failover", _ => "configuration" };

    private static string Words(string action) => action switch
    {
        "user.create" => "A user was made",
        "user.roles" => "A user's roles were changed",
        "user.disable" => "A user was disabled",
        "user.enable" => "A user was enabled",
        "user.reset" => "A user's access was reset",
        "user.unlock" => "A user was unlocked",
        "failover.advised" => "A move should be looked at",
        "failover.adviceOver" => "The primary's region serves well again",
        _ => action,
    };
}
