using Npgsql;
using NpgsqlTypes;

namespace OpsConsole.Core.Drivers.Postgres.Control;

public static class Promotion
{
    /// <summary>Promotes and waits until the node has left recovery. Doing it to a primary changes nothing.</summary>
    /// <exception cref="TimeoutException">it is still in recovery</exception>
    public static async Task PromoteAsync(NpgsqlConnection standby, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        if (!await InRecoveryAsync(standby, cancel)) return;
        await standby.ExecuteAsync("SELECT pg_promote(false) WHERE pg_is_in_recovery()", cancel);
        await NodeSql.UntilAsync(async () => !await InRecoveryAsync(standby, cancel), limit, time, () => "It is still in recovery.", cancel);
    }

    public static Task<bool> InRecoveryAsync(NpgsqlConnection node, CancellationToken cancel) => node.ScalarAsync<bool>("SELECT pg_is_in_recovery()", cancel);

    /// <summary>Waits until a standby holds the WAL up to a position.</summary>
    /// <exception cref="TimeoutException">it does not</exception>
    public static async Task WaitHoldsAsync(NpgsqlConnection standby, NpgsqlLogSequenceNumber position, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        var seen = default(NpgsqlLogSequenceNumber);
        await NodeSql.UntilAsync(async () => (seen = (await NodeView.ReadAsync(standby, cancel)).Position) >= position, limit, time,
            () => $"It holds the log up to {seen}, {(ulong)position - (ulong)seen} bytes short of {position}.", cancel);
    }
}
