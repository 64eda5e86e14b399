using System.Globalization;
using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <summary>Operations and holds for "what changed in the last hour" (DA-4).</summary>
internal sealed class OperationChanges(ConsoleDatabase database, Automation automation) : IChangeSource
{
    public async Task<IReadOnlyList<ChangeItem>> ReadAsync(DateTimeOffset since, int limit, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var operations = await connection.Command("""
            SELECT id, kind, title, state, requested_by, reason, end_reason, COALESCE(ended_at, started_at, created_at) AS at FROM ops.operation
            WHERE COALESCE(ended_at, started_at, created_at) >= @since ORDER BY at DESC LIMIT @limit
            """, ("since", since), ("limit", limit)).ListAsync(r => new ChangeItem(
                r.Get<DateTimeOffset>("at"), r.Get<string>("kind"), r.Get<string>("title"), Detail(r.Word<OperationState>("state"), r.Text("end_reason") ?? r.Get<string>("reason")),
                r.Get<string>("requested_by"), $"operations/{r.Get<Guid>("id")}"), cancel);
        var holds = (await automation.ListAsync(cancel)).Where(h => h.Since >= since).Select(h => new ChangeItem(
            h.Since, "configuration", $"{Title(h.Hold)}: {h.Scope}", h.Reason, h.By, ""));
        return [.. operations.Concat(holds).OrderByDescending(c => c.At).Take(limit)];
    }

    private static string Detail(OperationState state, string reason) => reason.Length == 0 ? Words(state) : $"{Words(state)}: {reason}";

    private static string Words(OperationState state) => state switch
    {
        OperationState.AwaitingApproval => "awaiting approval",
        OperationState.RollingBack => "rolling back",
        OperationState.RolledBack => "rolled back",
        _ => state.ToString().ToLower(CultureInfo.InvariantCulture),
    };

    private static string Title(Hold hold) => hold switch
    {
        Hold.Maintenance => "Maintenance",
        Hold.AutomationPaused => "Automation paused",
        _ => "Monitoring paused",
    };
}
