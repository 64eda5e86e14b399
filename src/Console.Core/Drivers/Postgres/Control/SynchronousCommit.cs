using Npgsql;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <summary>Which standbys must confirm a commit. The list never names the node itself and never is <c>*</c>.</summary>
public static class SynchronousCommit
{
    /// <returns><c>ANY k ("a", "b")</c>, or an empty text for k = 0</returns>
    public static string Names(int confirmations, IEnumerable<string> applicationNames) =>
        confirmations == 0 ? "" : $"ANY {confirmations} ({string.Join(", ", applicationNames.Select(n => $"\"{n}\""))})";

    /// <returns>k of a list as <see cref="Names"/> writes it; null for any other</returns>
    public static int? ConfirmationsOf(string names) => names.Length == 0 ? 0
        : names.Split(' ') is ["ANY", var k, ..] && int.TryParse(k, System.Globalization.CultureInfo.InvariantCulture, out var confirmations) ? confirmations : null;

    /// <summary>Works on a standby, too: in force when it is promoted.</summary>
    public static async Task SetAsync(NpgsqlConnection node, string names, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        await node.AlterSystemAsync([("synchronous_standby_names", names)], cancel);
        await NodeSql.UntilAsync(async () => await node.ScalarAsync<string>("SELECT current_setting('synchronous_standby_names')", cancel) == names,
            limit, time, () => "The reload did not bring the list of synchronous standbys into force.", cancel);
    }

    /// <summary>How many standbys confirm commits on this primary now, and whether that is the list wanted.</summary>
    public static async Task<int> ConfirmingAsync(NpgsqlConnection primary, string names, CancellationToken cancel) => (int)await primary.ScalarAsync<long>($"""
        SELECT CASE WHEN current_setting('synchronous_standby_names') = {NodeSql.Literal(names)} THEN count(*) ELSE 0 END
        FROM pg_stat_replication WHERE state = 'streaming' AND sync_state IN ('quorum', 'sync')
        """, cancel);

    /// <exception cref="TimeoutException">too few standbys confirm</exception>
    public static async Task WaitInForceAsync(NpgsqlConnection primary, string names, int confirmations, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        var seen = 0;
        await NodeSql.UntilAsync(async () => (seen = await ConfirmingAsync(primary, names, cancel)) >= confirmations, limit, time,
            () => $"{seen} of {confirmations} standbys confirm commits.", cancel);
    }

    /// <summary>Names of standbys that this primary serves now. The backups, which read its log too, are none.</summary>
    public static Task<IReadOnlyList<string>> ServedAsync(NpgsqlConnection primary, CancellationToken cancel) =>
        primary.ListAsync($"SELECT application_name FROM pg_stat_replication WHERE state IN ('streaming', 'catchup') AND application_name <> {NodeSql.Literal(WalConnection.Application)}", r => r.GetString(0), cancel);
}
