using System.Globalization;
using System.Net.Sockets;
using OpsConsole.Core.Drivers.Postgres.Wire;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Drivers.PgBouncer;

public sealed class PgBouncerDriver : ITrafficDriver
{
    public bool Serves(TrafficManagerKind kind) => kind == TrafficManagerKind.PgBouncer;

    public ITrafficView View(TrafficManagerOptions manager) => new PgBouncerView(manager);
}

/// <param name="MaxWaitSeconds">how long the oldest waiting client has waited</param>
internal sealed record PooledClients(string Database, int Active, int Waiting, int Servers, double MaxWaitSeconds);

internal sealed class PgBouncerView(TrafficManagerOptions manager) : ITrafficView, IDisposable
{
    // Clients that wait this long for a server mean that the pool is too small or its server is gone.
    private const double LongWaitSeconds = 2;

    private readonly PgBouncerAdmin _admin = new(manager);

    public void Dispose() => _admin.Dispose();

    public async Task<TrafficReading> ReadAsync(CancellationToken cancel)
    {
        try
        {
            var pools = (await _admin.ShowAsync("POOLS", cancel)).Rows.Select(r => new PooledClients(
                r["database"] ?? "", Number(r, "cl_active"), Number(r, "cl_waiting"), Number(r, "sv_active") + Number(r, "sv_idle"), Number(r, "maxwait") + (Number(r, "maxwait_us") / 1e6))).ToList();
            return Read(manager, await _admin.ReadAsync(cancel), pools);
        }
        catch (Exception e) when (e is SocketException or IOException or WireException)
        {
            throw new TrafficManagerException($"PgBouncer at {manager.Address}: {e.Message}", e);
        }
    }

    internal static TrafficReading Read(TrafficManagerOptions manager, IReadOnlyList<PooledDatabase> databases, IReadOnlyList<PooledClients> pools)
    {
        var parts = manager.Databases.Keys.Order(StringComparer.Ordinal).Select(name => databases.FirstOrDefault(d => d.Name == name) is { } database
            ? Read(database, pools.Where(p => p.Database == name).ToList())
            : (Status: HealthStatus.Failed, Text: $"{name}: no such database")).ToList();
        return new TrafficReading(parts.Select(p => p.Status).DefaultIfEmpty(HealthStatus.Unknown).Max(), string.Join("; ", parts.Select(p => p.Text)), new Dictionary<string, RegionCounters>());
    }

    private static (HealthStatus Status, string Text) Read(PooledDatabase database, List<PooledClients> pools)
    {
        var longest = pools.Select(p => p.MaxWaitSeconds).DefaultIfEmpty(0).Max();
        var status = database.Disabled ? HealthStatus.Critical
            : database.Paused || longest >= LongWaitSeconds ? HealthStatus.Degraded
            : HealthStatus.Healthy;
        var state = database.Disabled ? "disabled, " : database.Paused ? "paused, " : "";
        var wait = longest >= 1 ? string.Create(CultureInfo.InvariantCulture, $" for up to {longest:F0} s") : "";
        return (status, string.Create(CultureInfo.InvariantCulture, $"{database.Name}: {state}{pools.Sum(p => p.Active)} clients active, {pools.Sum(p => p.Waiting)} waiting{wait}, {pools.Sum(p => p.Servers)} server connections"));
    }

    private static int Number(IReadOnlyDictionary<string, string?> row, string column) =>
        row.TryGetValue(column, out var text) && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : 0;
}
