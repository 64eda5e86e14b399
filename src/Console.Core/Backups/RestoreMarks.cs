using System.Text.Json.Nodes;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups;

/// <param name="Kind">backup, fork (a promotion, or a restore in place), failover (an unplanned one), experiment or alarm</param>
/// <param name="Link">page that shows more; empty: there is none</param>
public sealed record RestoreMark(DateTimeOffset At, string Kind, string Text, string Link);

/// <summary>What happened within the restorable range, so that people find the moment before it went wrong.</summary>
public sealed class RestoreMarks(OperationReader operations, IAuditReader audit)
{
    /// <summary>Of failovers, experiments and alarms so many of the newest.</summary>
    private const int Most = 200;
    private const string AlarmPrefix = "alarm.";

    /// <param name="backups">of this cluster</param>
    /// <returns>oldest first</returns>
    public async Task<IReadOnlyList<RestoreMark>> ReadAsync(string cluster, RestorableRange range, IReadOnlyList<Backup> backups, CancellationToken cancel = default)
    {
        var failovers = (await operations.ListAsync(OperationKinds.Failover, resource: $"cluster:{cluster}", limit: Most, cancel: cancel)).Where(o => o.Request["planned"] is JsonValue planned && !planned.GetValue<bool>());
        var experiments = await operations.ListAsync(OperationKinds.Experiment, limit: Most, cancel: cancel);
        var alarms = await audit.ReadAsync(new AuditQuery(Before: long.MaxValue, Action: AlarmPrefix, From: range.From, Limit: Most), cancel);
        return
        [
            .. backups.Where(b => b.IsUsable && b.Type != BackupType.Configuration).Select(b => new RestoreMark(b.EndedAt, "backup", $"{b.Type.Word()} backup ({b.Engine})", $"/backups/{b.Id}"))
                .Concat(range.Forks.Select(f => new RestoreMark(f.Began, "fork", $"promotion: timeline {f.Timeline} ended", "")))
                .Concat(failovers.Concat(experiments).Where(o => o.StartedAt is not null).Select(o => new RestoreMark(o.StartedAt!.Value, o.Kind, $"{(o.Kind == OperationKinds.Failover ? "unplanned failover" : o.Kind)}: {o.Plan.Title}", $"/operations/{o.Id}")))
                .Concat(alarms.Select(Alarm)).Where(m => m.At >= range.From && m.At <= range.To).OrderBy(m => m.At),
        ];
    }

    private static RestoreMark Alarm(AuditEntry entry) => new(entry.At, "alarm", $"alarm: {Title(entry)}", entry.Target.Split(':', 2) is ["operation", var id] ? $"/operations/{id}" : "/backups");

    private static string Title(AuditEntry entry)
    {
        try
        {
            return entry.After is { } after && JsonNode.Parse(after) is JsonObject members && members.TryGetPropertyValue("title", out var title) && title is not null ? title.ToString() : entry.Action[AlarmPrefix.Length..];
        }
        catch (System.Text.Json.JsonException)
        {
            return entry.Action[AlarmPrefix.Length..]; // an altered row may hold anything
        }
    }
}
