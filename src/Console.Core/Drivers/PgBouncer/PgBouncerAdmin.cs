using OpsConsole.Core.Drivers.Postgres.Wire;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.PgBouncer;

/// <param name="Paused">new queries wait</param>
/// <param name="Connections">to the server, for this database</param>
public sealed record PooledDatabase(string Name, bool Paused, bool Disabled, int Connections);

/// <summary>PgBouncer's admin console. One connection a call; what is set is read back.</summary>
public sealed class PgBouncerAdmin(TrafficManagerOptions manager)
{
    private const string AlreadyPaused = "already";

    public async Task<IReadOnlyList<PooledDatabase>> ReadAsync(CancellationToken cancel)
    {
        using var console = await OpenAsync(cancel);
        return await ReadAsync(console, cancel);
    }

    /// <summary>Holds new queries back and waits until running transactions have ended and the server connections are closed.
    /// Cancelling gives up the wait; then <see cref="ResumeAsync"/>.</summary>
    public async Task PauseAsync(string database, CancellationToken cancel)
    {
        using var console = await OpenAsync(cancel);
        try
        {
            await console.QueryAsync($"PAUSE {database}", cancel);
        }
        catch (WireException e) when (e.Message.Contains(AlreadyPaused, StringComparison.Ordinal))
        {
            // Read back below.
        }
        if (!(await ReadAsync(console, cancel)).Any(d => d.Name == database && d.Paused))
            throw new InvalidOperationException($"{manager.Id} does not hold {database} after PAUSE.");
    }

    public async Task ResumeAsync(string database, CancellationToken cancel)
    {
        using var console = await OpenAsync(cancel);
        if ((await ReadAsync(console, cancel)).Any(d => d.Name == database && d.Paused)) await console.QueryAsync($"RESUME {database}", cancel);
        if ((await ReadAsync(console, cancel)).Any(d => d.Name == database && d.Paused))
            throw new InvalidOperationException($"{manager.Id} still holds {database} after RESUME.");
    }

    private static async Task<IReadOnlyList<PooledDatabase>> ReadAsync(WireConnection console, CancellationToken cancel) =>
        (await console.QueryAsync("SHOW DATABASES", cancel)).Rows.Select(r => new PooledDatabase(
            r["name"] ?? "", r["paused"] == "1", r["disabled"] == "1", int.Parse(r["current_connections"] ?? "0", System.Globalization.CultureInfo.InvariantCulture))).ToList();

    /// <summary>For SHOW commands: <c>SHOW POOLS</c>, <c>SHOW STATS</c>, ...</summary>
    public async Task<WireAnswer> ShowAsync(string what, CancellationToken cancel)
    {
        using var console = await OpenAsync(cancel);
        return await console.QueryAsync($"SHOW {what}", cancel);
    }

    private Task<WireConnection> OpenAsync(CancellationToken cancel) =>
        WireConnection.OpenAsync(manager.Address, manager.Username, manager.Password, "pgbouncer", "opsconsole", cancel);
}
