using System.Globalization;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using Npgsql;
using Npgsql.Replication;
using NpgsqlTypes;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Postgres.Wire;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.Postgres;

/// <summary>The log by PostgreSQL's physical replication protocol.</summary>
public sealed class WalSource : IWalSource
{
    public async Task<IWalConnection> OpenAsync(ClusterOptions cluster, string address, CancellationToken cancel)
    {
        var at = HostPort.Parse(address);
        var (user, password) = cluster.ReplicationUsername.Length > 0 ? (cluster.ReplicationUsername, cluster.ReplicationPassword) : (cluster.Username, cluster.Password);
        var connection = new PhysicalReplicationConnection(new NpgsqlConnectionStringBuilder
        {
            Host = at.Host,
            Port = at.Port,
            Username = user,
            Password = password,
            // Like no standby's name, so that no commit ever waits for it.
            ApplicationName = WalConnection.Application,
            Timeout = 5,
            CommandTimeout = 10,
            TcpKeepAlive = true,
        }.ConnectionString) { WalReceiverStatusInterval = TimeSpan.FromSeconds(1), WalReceiverTimeout = TimeSpan.FromSeconds(60) };
        try
        {
            await connection.Open(cancel);
            var system = await connection.IdentifySystem(cancel);
            var size = await connection.Show("wal_segment_size", cancel);
            var bytes = int.Parse(size[..^2], CultureInfo.InvariantCulture) * (size.EndsWith("GB", StringComparison.Ordinal) ? 1 << 30 : 1 << 20);
            return new WalConnection(connection, address, user, password, system, bytes);
        }
        catch (Exception e) when (WalConnection.IsFailure(e, cancel))
        {
            await connection.DisposeAsync();
            throw WalConnection.Failure(e, address);
        }
    }
}

internal sealed class WalConnection(PhysicalReplicationConnection connection, string address, string user, string password, ReplicationSystemIdentification system, int segmentBytes) : IWalConnection
{
    public const string Application = "opsconsole-wal";

    public string SystemIdentifier => system.SystemId;
    public int Timeline => (int)system.Timeline;
    public int SegmentBytes => segmentBytes;
    public WalPosition Position => new((ulong)system.XLogPos);

    // Npgsql takes the content for bytea; newer servers declare it as text.
    public Task<byte[]> HistoryAsync(int timeline, CancellationToken cancel) => GuardedAsync(
        async () =>
        {
            using var other = await WireConnection.OpenReplicationAsync(address, user, password, Application, cancel);
            var answer = await other.QueryAsync($"TIMELINE_HISTORY {timeline}", cancel);
            return Encoding.UTF8.GetBytes(answer.Rows[0]["content"]!);
        },
        cancel);

    public async IAsyncEnumerable<WalChunk> StreamAsync(WalPosition from, int timeline, [EnumeratorCancellation] CancellationToken cancel)
    {
        var messages = connection.StartReplication(new NpgsqlLogSequenceNumber(from.Value), cancel, (uint)timeline).GetAsyncEnumerator(cancel);
        var buffer = new byte[256 * 1024];
        await using (messages)
        {
            while (await GuardedAsync(async () => await messages.MoveNextAsync(), cancel))
            {
                var (at, data) = ((ulong)messages.Current.WalStart, messages.Current.Data);
                while (await GuardedAsync(async () => await data.ReadAsync(buffer, cancel), cancel) is > 0 and var read)
                {
                    yield return new WalChunk(new WalPosition(at), buffer.AsMemory(0, read));
                    at += (ulong)read;
                }
            }
        }
    }

    private async Task<T> GuardedAsync<T>(Func<Task<T>> action, CancellationToken cancel)
    {
        try
        {
            return await action();
        }
        catch (Exception e) when (IsFailure(e, cancel))
        {
            throw Failure(e, address);
        }
    }

    public static bool IsFailure(Exception e, CancellationToken cancel) =>
        e is NpgsqlException or WireException or SocketException or IOException or TimeoutException or ObjectDisposedException or InvalidOperationException || (e is OperationCanceledException && !cancel.IsCancellationRequested);

    public static WalSourceException Failure(Exception e, string address) => e switch
    {
        PostgresException refusal when refusal.SqlState == "58P01" || refusal.MessageText.Contains("has already been removed", StringComparison.Ordinal) || refusal.MessageText.Contains("can no longer", StringComparison.Ordinal)
            => new(WalFailure.LogRemoved, $"{address}: {refusal.MessageText}. The log has a gap there: take a full backup, from which on every moment can be restored again.", e),
        PostgresException { SqlState: "42501" or "28000" or "28P01" } refusal => new(WalFailure.Refused, $"{address}: {refusal.MessageText}. The role needs REPLICATION, and pg_hba.conf a line for replication from the console.", e),
        PostgresException { SqlState: "53300" or "53400" } refusal => new(WalFailure.Refused, $"{address}: {refusal.MessageText}. Raise max_wal_senders and max_replication_slots.", e),
        PostgresException refusal => new(WalFailure.Other, $"{address}: {refusal.MessageText}", e),
        _ => new(WalFailure.Unreachable, $"{address}: {e.GetBaseException().Message}", e),
    };

    public ValueTask DisposeAsync() => connection.DisposeAsync();
}
