using System.Net.Sockets;
using Npgsql;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.Postgres;

/// <summary>How the console connects to the fleet's databases: one connection each, no pool, no server-side prepared statements, nothing that
/// a transaction pooler in between would have to support.</summary>
internal static class PostgresConnections
{
    public static NpgsqlDataSource Source(ClusterOptions cluster, string address, string purpose, int connectSeconds, int commandSeconds)
    {
        var at = HostPort.Parse(address);
        var builder = new NpgsqlDataSourceBuilder(new NpgsqlConnectionStringBuilder
        {
            Host = at.Host,
            Port = at.Port,
            Database = cluster.Database,
            Username = cluster.Username,
            Password = cluster.Password,
            ApplicationName = $"opsconsole-{purpose}",
            Pooling = false,
            MaxAutoPrepare = 0,
            NoResetOnClose = true,
            Enlist = false,
            Timeout = connectSeconds,
            CommandTimeout = commandSeconds,
            CancellationTimeout = 1000,
            TcpKeepAlive = true,
        }.ConnectionString);
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false)); // built-in types are enough
        return builder.Build();
    }

    /// <summary>Failures that mean "not now", as opposed to a mistake in this program.</summary>
    public static bool IsUnavailable(Exception e, CancellationToken cancel) =>
        e is NpgsqlException or SocketException or IOException or TimeoutException or ObjectDisposedException
        || (e is OperationCanceledException && !cancel.IsCancellationRequested);

    public static NodeUnavailableException Unavailable(Exception e, string address) => new(e switch
    {
        PostgresException refusal => $"{refusal.SqlState}: {refusal.MessageText}",
        _ when Innermost(e) is SocketException { SocketErrorCode: SocketError.ConnectionRefused } => $"{address} refuses the connection",
        _ when e is TimeoutException or OperationCanceledException || e.InnerException is TimeoutException => $"{address} does not answer in time",
        _ when Innermost(e) is EndOfStreamException or IOException or SocketException { SocketErrorCode: SocketError.ConnectionReset } => $"{address} dropped the connection",
        _ => e.Message,
    }, e);

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;
}
