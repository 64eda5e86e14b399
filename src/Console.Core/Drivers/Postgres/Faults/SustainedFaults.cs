using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace OpsConsole.Core.Drivers.Postgres.Faults;

/// <summary>Sessions that this process keeps on a database to disturb it. They die with the process, so that a killed console leaves none.</summary>
internal sealed partial class SustainedFaults(TimeProvider time, ILogger<SustainedFaults> log) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Held> _held = new();

    /// <summary>Keeps these sessions, and repeats <paramref name="pulse"/> on the first of them once per <paramref name="interval"/>. A second start under the same tag closes the first.</summary>
    public async Task KeepAsync(string tag, IReadOnlyList<NpgsqlConnection> sessions, Func<NpgsqlConnection, CancellationToken, Task>? pulse, TimeSpan interval)
    {
        await EndAsync(tag);
        var over = new CancellationTokenSource();
        var work = pulse is null ? Task.CompletedTask : Task.Run(() => PulseAsync(tag, sessions[0], pulse, interval, over.Token), CancellationToken.None);
        _held[tag] = new Held(sessions, over, work);
    }

    public async Task EndAsync(string tag)
    {
        if (!_held.TryRemove(tag, out var held)) return;
        await held.Over.CancelAsync();
        await held.Work;
        foreach (var session in held.Sessions) await session.DisposeAsync();
        held.Over.Dispose();
    }

    private async Task PulseAsync(string tag, NpgsqlConnection session, Func<NpgsqlConnection, CancellationToken, Task> pulse, TimeSpan interval, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            try
            {
                await pulse(session, cancel);
            }
            catch (PostgresException refused) when (refused.SqlState is "55P03" or "40P01" or "57014")
            {
                PulseSkipped(log, tag, refused.MessageText); // a lock that was not to be had in time: the next pulse tries again
            }
            catch (Exception e) when (PostgresConnections.IsUnavailable(e, cancel))
            {
                Ended(log, tag, e.Message);
                return; // whoever reads the fault sees that its session is gone
            }
            catch (OperationCanceledException)
            {
                return;
            }
            var rest = interval - time.GetElapsedTime(began);
            if (rest > TimeSpan.Zero) await Task.Delay(rest, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var tag in _held.Keys) await EndAsync(tag);
    }

    private sealed record Held(IReadOnlyList<NpgsqlConnection> Sessions, CancellationTokenSource Over, Task Work);

    [LoggerMessage(5300, LogLevel.Debug, "Fault {Tag} skipped a pulse: {Reason}")]
    private static partial void PulseSkipped(ILogger log, string tag, string reason);

    [LoggerMessage(5301, LogLevel.Warning, "Fault {Tag} has lost its session: {Reason}")]
    private static partial void Ended(ILogger log, string tag, string reason);
}
