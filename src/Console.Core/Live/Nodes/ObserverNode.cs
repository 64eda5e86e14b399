using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Health.Telemetry;

namespace OpsConsole.Core.Live.Nodes;

/// <summary>This node's part in observing: leads (all observers, the reducer, roll-ups) while it holds the lease, else follows the one
/// that does. Without the database a leader goes on; only another holder ends its lead.</summary>
public sealed partial class ObserverNode(
    ObserverLease lease, FleetState state, IEnumerable<IObserver> observers, TelemetryWriter writer, RecentSamples recent, BatchPublisher publisher, BatchFollower follower,
    TimeProvider time, ILogger<ObserverNode> log)
{
    private static readonly TimeSpan RestartAfter = TimeSpan.FromSeconds(5);

    /// <summary>Whether this node observes now.</summary>
    public bool Leads { get; private set; }

    // A takeover must be done 5 s after the holder's death: the lease's length, this pause, and a start.
    private TimeSpan RenewEvery => lease.Length / 4;

    public async Task RunAsync(CancellationToken cancel)
    {
        var writing = writer.RunAsync(cancel);
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                if (await lease.TryTakeAsync(cancel) is { } epoch)
                    await LeadAsync(epoch, cancel);
                else
                    await FollowAsync(cancel);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e) when (IsDatabase(e))
            {
                LogNoLease(e);
                await PauseAsync(RenewEvery, cancel);
            }
        }
        await writing;
    }

    private async Task LeadAsync(long epoch, CancellationToken cancel)
    {
        LogLeads(lease.Holder, epoch);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Leads = true;
        var reducing = state.RunAsync(epoch, ending.Token);
        var parts = new List<Task> { SuperviseAsync("passing on batches", c => publisher.RunAsync(epoch, c), ending.Token) };
        try
        {
            state.Remember(await recent.ReadAsync(ending.Token));
            parts.AddRange(observers.Select(o => SuperviseAsync(o.Name, o.RunAsync, ending.Token)));
            await Task.WhenAny(reducing, RenewAsync(epoch, ending.Token));
        }
        finally
        {
            Leads = false;
            await ending.CancelAsync();
            await Task.WhenAll(parts);
            await EndAsync(reducing);
        }
    }

    /// <summary>Ends when another holds the lease.</summary>
    private async Task RenewAsync(long epoch, CancellationToken cancel)
    {
        var held = true;
        while (held)
        {
            await Task.Delay(RenewEvery, time, cancel);
            try
            {
                held = await lease.RenewAsync(epoch, cancel);
            }
            catch (Exception e) when (IsDatabase(e))
            {
                LogNotRenewed(e);
            }
        }
        LogLost(epoch);
    }

    private async Task EndAsync(Task reducing)
    {
        try
        {
            await reducing;
        }
        catch (OperationCanceledException)
        {
            // The usual end.
        }
        catch (Exception e)
        {
            LogReducer(e);
        }
        try
        {
            using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1), time);
            await lease.ReleaseAsync(soon.Token);
        }
        catch (Exception e) when (IsDatabase(e) || e is OperationCanceledException)
        {
            // It runs out by itself.
            LogNotRenewed(e);
        }
    }

    private async Task FollowAsync(CancellationToken cancel)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var following = SuperviseAsync("following", c => follower.RunAsync(lease.Holder, c), ending.Token);
        try
        {
            await lease.WaitUntilFreeAsync(RenewEvery, time, cancel);
        }
        finally
        {
            await ending.CancelAsync();
            await following;
        }
    }

    /// <summary>Runs a part until cancelled and starts it again when it fails.</summary>
    private async Task SuperviseAsync(string name, Func<CancellationToken, Task> part, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await part(cancel);
                if (!cancel.IsCancellationRequested)
                    throw new InvalidOperationException($"{name} ended by itself.");
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogFailed(e, name);
                if (!IsDatabase(e))
                    state.Component(name, HealthStatus.Failed, $"failed and starts again: {e.Message}", time.GetUtcNow());
                await PauseAsync(RestartAfter, cancel);
            }
        }
    }

    private async Task PauseAsync(TimeSpan length, CancellationToken cancel)
    {
        try
        {
            await Task.Delay(length, time, cancel);
        }
        catch (OperationCanceledException)
        {
            // The caller looks at the token.
        }
    }

    private static bool IsDatabase(Exception e) => e is NpgsqlException or IOException or SocketException or TimeoutException;

    [LoggerMessage(2020, LogLevel.Information, "{Node} observes, epoch {Epoch}")]
    private partial void LogLeads(string node, long epoch);

    [LoggerMessage(2021, LogLevel.Warning, "Another node observes now; epoch {Epoch} has ended here")]
    private partial void LogLost(long epoch);

    [LoggerMessage(2022, LogLevel.Warning, "The lease was not renewed; observing goes on")]
    private partial void LogNotRenewed(Exception exception);

    [LoggerMessage(2023, LogLevel.Warning, "Whether to observe is not known: the console's database does not answer")]
    private partial void LogNoLease(Exception exception);

    [LoggerMessage(2024, LogLevel.Error, "Observer {Name} failed and starts again")]
    private partial void LogFailed(Exception exception, string name);

    [LoggerMessage(2025, LogLevel.Error, "The reducer failed; observing starts anew")]
    private partial void LogReducer(Exception exception);
}
