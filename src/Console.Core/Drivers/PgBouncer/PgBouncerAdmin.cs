using OpsConsole.Core.Drivers.Postgres.Wire;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.PgBouncer;

/// <param name="Paused">new queries wait</param>
/// <param name="Connections">to the server, for this database</param>
public sealed record PooledDatabase(string Name, bool Paused, bool Disabled, int Connections);

/// <summary>PgBouncer's admin console. One connection is kept between calls, so that a call costs no log-in; what is set is read back.</summary>
public sealed class PgBouncerAdmin(TrafficManagerOptions manager) : IDisposable
{
    private const string AlreadyPaused = "already";
    private WireConnection? _idle;

    public Task<IReadOnlyList<PooledDatabase>> ReadAsync(CancellationToken cancel) => UseAsync(console => ReadAsync(console, cancel), cancel);

    /// <summary>Holds new queries back and waits until running transactions have ended and the server connections are closed.
    /// Cancelling gives up the wait; then <see cref="ResumeAsync"/>.</summary>
    public Task PauseAsync(string database, CancellationToken cancel) => UseAsync(async console =>
    {
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
        return true;
    }, cancel);

    public Task ResumeAsync(string database, CancellationToken cancel) => UseAsync(async console =>
    {
        if ((await ReadAsync(console, cancel)).Any(d => d.Name == database && d.Paused)) await console.QueryAsync($"RESUME {database}", cancel);
        if ((await ReadAsync(console, cancel)).Any(d => d.Name == database && d.Paused))
            throw new InvalidOperationException($"{manager.Id} still holds {database} after RESUME.");
        return true;
    }, cancel);

    /// <summary>For SHOW commands: <c>SHOW POOLS</c>, <c>SHOW STATS</c>, ...</summary>
    public Task<WireAnswer> ShowAsync(string what, CancellationToken cancel) => UseAsync(console => console.QueryAsync($"SHOW {what}", cancel), cancel);

    public void Dispose() => Interlocked.Exchange(ref _idle, null)?.Dispose();

    private static async Task<IReadOnlyList<PooledDatabase>> ReadAsync(WireConnection console, CancellationToken cancel) =>
        (await console.QueryAsync("SHOW DATABASES", cancel)).Rows.Select(r => new PooledDatabase(
            r["name"] ?? "", r["paused"] == "1", r["disabled"] == "1", int.Parse(r["current_connections"] ?? "0", System.Globalization.CultureInfo.InvariantCulture))).ToList();

    private async Task<T> UseAsync<T>(Func<WireConnection, Task<T>> work, CancellationToken cancel)
    {
        if (Interlocked.Exchange(ref _idle, null) is { } kept)
        {
            try
            {
                return await UseAsync(kept, work);
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or ObjectDisposedException && !cancel.IsCancellationRequested)
            {
                // PgBouncer was started again meanwhile. What is asked for here may be asked twice.
            }
        }
        return await UseAsync(await WireConnection.OpenAsync(manager.Address, manager.Username, manager.Password, "pgbouncer", "opsconsole", cancel), work);
    }

    private async Task<T> UseAsync<T>(WireConnection console, Func<WireConnection, Task<T>> work)
    {
        try
        {
            var result = await work(console);
            if (Interlocked.CompareExchange(ref _idle, console, null) is not null) console.Dispose();
            return result;
        }
        catch
        {
            console.Dispose();
            throw;
        }
    }
}
