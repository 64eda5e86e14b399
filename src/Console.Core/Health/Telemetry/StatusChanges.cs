using Npgsql;
using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Changes of status, for "what changed in the last hour" (DA-4).</summary>
public sealed class StatusChanges(ConsoleDatabase database) : IChangeSource
{
    public async Task<IReadOnlyList<ChangeItem>> ReadAsync(DateTimeOffset since, int limit, CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand("SELECT at, kind, key, from_status, to_status, reason FROM telemetry.transition WHERE at >= $1 ORDER BY at DESC LIMIT $2");
        command.Parameters.Add(new NpgsqlParameter { Value = since.UtcDateTime });
        command.Parameters.Add(new NpgsqlParameter { Value = limit });
        var changes = new List<ChangeItem>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var (kind, key) = (rows.GetString(1), rows.GetString(2));
            changes.Add(new ChangeItem(rows.GetFieldValue<DateTimeOffset>(0), "status", $"{Words(kind, key)}: {rows.GetString(3)} → {rows.GetString(4)}", rows.GetString(5), "system", Link(kind, key)));
        }
        return changes;
    }

    private static string Words(string kind, string key) => kind == "component" ? key : $"{kind} {key}";

    private static string Link(string kind, string key) => kind switch
    {
        "region" => $"/regions/{Uri.EscapeDataString(key)}",
        "service" => $"/services/{Uri.EscapeDataString(key)}",
        "cluster" or "link" => "/replication",
        _ => "",
    };
}
