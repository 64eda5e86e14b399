using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;

namespace OpsConsole.Core.Operations;

/// <summary>Pauses of monitoring as last read; without the database what was known goes on counting until it ends.</summary>
public sealed partial class MonitoringPause(Automation automation, TimeProvider clock, ILogger<MonitoringPause> log, FleetModel? fleet = null) : BackgroundService, IMonitoringPause
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);
    private volatile IReadOnlyList<ActiveHold> _pauses = [];

    public bool Covers(string service)
    {
        foreach (var pause in _pauses)
        {
            if (pause.Until <= clock.GetUtcNow()) continue;
            if (pause.Scope == Automation.Fleet || pause.Scope == $"service:{service}" || (fleet?.Services.GetValueOrDefault(service) is { } declared && pause.Scope == $"region:{declared.Region}")) return true;
            if (fleet?.Options.Clusters.Exists(c => pause.Scope == $"cluster:{c.Id}" && c.Nodes.Exists(n => n.Service == service)) == true) return true;
        }
        return false;
    }

    /// <summary>Reads now.</summary>
    public async Task RefreshAsync(CancellationToken cancel = default) => _pauses = [.. (await automation.ListAsync(cancel)).Where(h => h.Hold == Hold.MonitoringPaused)];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Every, clock);
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

    [LoggerMessage(5020, LogLevel.Warning, "Pauses of monitoring cannot be read: what was known goes on counting. {Problem}")]
    private partial void LogKept(string problem);
}
