using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace OpsConsole.Core.Objectives;

/// <summary>A recovery that was really made, and measured (OB-3).</summary>
/// <param name="RtoSeconds">from the last acknowledged write before to the first after, as clients saw it</param>
/// <param name="RpoSeconds">acknowledged writes that were missing afterwards, in seconds of writes; null when it was not counted</param>
/// <param name="Planned">a switchover: its pause holds no detection</param>
/// <param name="From">what it was, in words: failover, switchover, drill</param>
public sealed record RecoveryProof(string Cluster, double RtoSeconds, double? RpoSeconds, DateTimeOffset At, bool Planned, string From)
{
    /// <summary>A backup was restored into an instance of its own: no recovery of the cluster, but what it would take without a standby.</summary>
    public bool Restore { get; init; }
}

/// <summary>A capability that proves recoveries. All sources together feed the objectives.</summary>
public interface IRecoveryProofs
{
    /// <summary>Its newest proofs of each cluster, of planned and unplanned recoveries.</summary>
    Task<IReadOnlyList<RecoveryProof>> NewestAsync(CancellationToken cancel);
}

/// <summary>The newest proofs of all sources, kept in memory, so that targets are compared without asking a database.</summary>
public sealed partial class ProvenRecoveries(IEnumerable<IRecoveryProofs> sources, TimeProvider time, ILogger<ProvenRecoveries> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);
    private volatile IReadOnlyList<RecoveryProof> _proofs = [];

    /// <summary>The newest of the cluster; null: never proven.</summary>
    public RecoveryProof? Of(string cluster) => _proofs.FirstOrDefault(p => p.Cluster == cluster && !p.Restore);

    /// <summary>The newest proven restore of a backup; null: none.</summary>
    public RecoveryProof? RestoreOf(string cluster) => _proofs.FirstOrDefault(p => p.Cluster == cluster && p.Restore);

    /// <summary>The newest planned, or unplanned, one.</summary>
    public RecoveryProof? Of(string cluster, bool planned) => _proofs.FirstOrDefault(p => p.Cluster == cluster && p.Planned == planned && !p.Restore);

    public async Task RefreshAsync(CancellationToken cancel = default)
    {
        var all = new List<RecoveryProof>();
        foreach (var source in sources) all.AddRange(await source.NewestAsync(cancel));
        _proofs = [.. all.OrderByDescending(p => p.At)];
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            try
            {
                await RefreshAsync(stoppingToken);
            }
            catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or IOException or TimeoutException)
            {
                LogKept(e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(3301, LogLevel.Warning, "Proven recoveries cannot be read, the last ones stay: {Problem}")]
    private partial void LogKept(string problem);
}
