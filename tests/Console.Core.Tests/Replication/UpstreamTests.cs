using System.Diagnostics;
using Npgsql;
using OpsConsole.Core.Drivers.Postgres.Control;

namespace OpsConsole.Core.Tests.Replication;

/// <summary>A receiver that has been told to stop, and was not scheduled since, still holds log that it will flush and confirm.</summary>
public sealed class UpstreamTests(PostgresPair pair) : IClassFixture<PostgresPair>
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Detach_ReceiverStopsLate_WaitsUntilItIsGone(bool altogether)
    {
        await using var standby = new NpgsqlConnection($"Host=127.0.0.1;Port={pair.Replica.Port};Username=postgres;Database=postgres;Pooling=false");
        await standby.OpenAsync(TestContext.Current.CancellationToken);
        var before = await AskAsync<string>(standby, "SELECT current_setting('primary_conninfo')");
        await UntilAsync(standby, "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')");
        var receiver = await AskAsync<int>(standby, "SELECT pid FROM pg_stat_wal_receiver");
        await SignalAsync(receiver, "STOP");
        try
        {
            await Assert.ThrowsAsync<TimeoutException>(() => LeaveAsync(standby, altogether, Short));
        }
        finally
        {
            await SignalAsync(receiver, "CONT");
        }
        await LeaveAsync(standby, altogether, Long);
        Assert.False(await AskAsync<bool>(standby, $"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {receiver})"));
        await Upstream.FollowAsync(standby, before, pair.Replica.Name, CancellationToken.None);
        await UntilAsync(standby, "SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')");
    }

    /// <summary>To nobody, or to somebody else (where nobody listens).</summary>
    private Task LeaveAsync(NpgsqlConnection standby, bool altogether, TimeSpan limit) => altogether
        ? Upstream.DetachAsync(standby, limit, TimeProvider.System, CancellationToken.None)
        : Upstream.LeaveAsync(standby, "host=127.0.0.1 port=1", pair.Replica.Name, $"127.0.0.1:{pair.Primary.Port}", limit, TimeProvider.System, CancellationToken.None);

    private static async Task<T> AskAsync<T>(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    private static async Task UntilAsync(NpgsqlConnection connection, string sql)
    {
        using var deadline = new CancellationTokenSource(Long);
        while (!await AskAsync<bool>(connection, sql)) await Task.Delay(50, deadline.Token);
    }

    private static async Task SignalAsync(int pid, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{pid}"]);
        await kill.WaitForExitAsync();
    }
}
