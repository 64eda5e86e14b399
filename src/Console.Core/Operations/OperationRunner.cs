using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using OpsConsole.Core.Operations.Execution;

namespace OpsConsole.Core.Operations;

/// <summary>Something that has to be looked after now and then by whichever node is up; idempotent.</summary>
internal interface IRunnerChore
{
    Task RunAsync(CancellationToken cancel);
}

/// <summary>Runs operations on this node: approved ones at once, orphans when their lease is over. Several nodes compete for the same rows.</summary>
internal sealed class OperationRunner(ExecutionParts parts, IEnumerable<IRunnerChore> chores) : BackgroundService
{
    private readonly ConcurrentDictionary<Guid, (Lease Lease, Task Run)> _running = new();
    private readonly Dictionary<Guid, (long Epoch, long Since)> _orphans = [];
    private volatile bool _leftovers = true;
    private volatile bool _started;
    private CancellationToken _stopping;

    /// <summary>Before the rest of the console is up: takes over what a dead process left, so that its faults do not wait for web pages. What has not
    /// begun yet waits for <see cref="StartAsync"/>, since it is planned and measured again.</summary>
    public Task RecoverAsync(CancellationToken cancel) => base.StartAsync(cancel);

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        _started = true;
        parts.Signals.Raise(new OperationSignal(Guid.Empty, 0, ""));
        return ExecuteTask is null ? base.StartAsync(cancellationToken) : Task.CompletedTask;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = parts.Signals.Subscribe();
        _stopping = stoppingToken;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                foreach (var candidate in await parts.Leases.CandidatesAsync(stoppingToken))
                    await ConsiderAsync(candidate, stoppingToken);
                if (_leftovers) await AppendLeftoversAsync(stoppingToken);
                foreach (var chore in chores)
                    await chore.RunAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                OperationsLog.PollFailed(parts.Log, failure.Message);
                _leftovers = true;
            }
            catch (OperationCanceledException)
            {
                break;
            }
            await WaitAsync(subscription, stoppingToken);
        }
        await Task.WhenAll(_running.Values.Select(r => r.Run));
    }

    private async Task ConsiderAsync(Candidate candidate, CancellationToken stopping)
    {
        if (candidate.Epoch == 0 && !_started) return;
        if (_running.ContainsKey(candidate.Id) || _running.Count >= parts.Options.Parallel || !await MayTakeAsync(candidate, stopping)) return;
        if (await parts.Leases.TakeAsync(candidate, stopping) is not { } epoch) return;
        _orphans.Remove(candidate.Id);
        var lease = new Lease(parts.Leases, candidate.Id, epoch, candidate.Covered, parts.Options, parts.Clock, parts.Log);
        Start(candidate.Id, lease, () => new Lifecycle(parts, lease, candidate, stopping).RunAsync());
    }

    /// <summary>Runs an operation that begins here, from memory; its row follows.</summary>
    public void RunHere(Operation operation)
    {
        var lease = new Lease(parts.Leases, operation.Id, operation.Epoch, inSection: true, parts.Options, parts.Clock, parts.Log, registered: false);
        var candidate = new Candidate(operation.Id, operation.Epoch, parts.Node.Name, parts.Node.Instance, Expired: false, Covered: true, Proof: true, operation.Plan.Canonical);
        Start(operation.Id, lease, () => new Lifecycle(parts, lease, candidate, _stopping).RunAsync(operation));
    }

    private void Start(Guid id, Lease lease, Func<Task> life)
    {
        var gate = new TaskCompletionSource();
        var run = Task.Run(async () =>
        {
            await gate.Task; // in the table before it can leave it
            await RunAsync(id, lease, life);
        }, CancellationToken.None);
        _running[id] = (lease, run);
        gate.SetResult();
    }

    private async Task RunAsync(Guid id, Lease lease, Func<Task> life)
    {
        try
        {
            await life();
        }
        catch (LeaseLostException lost)
        {
            OperationsLog.Lost(parts.Log, id, lost.Message);
            _leftovers = true; // what it could not put on record lies here
        }
        catch (Exception failure)
        {
            // Its lease runs out, and some node begins where this one broke.
            OperationsLog.Broke(parts.Log, id, failure);
            _leftovers = true;
        }
        finally
        {
            _running.TryRemove(id, out _);
            await lease.DisposeAsync();
        }
    }

    /// <summary>A fresh operation at once; one of our own dead predecessor at once; another node's when its lease was seen expired twice
    /// (a live runner renews first when the database comes back), and a critical section's only when its cover is over or its runner's
    /// sessions on the fleet are gone.</summary>
    private async Task<bool> MayTakeAsync(Candidate candidate, CancellationToken cancel)
    {
        if (candidate.Holder is null) return true;
        if (candidate.Holder == parts.Node.Name && candidate.Instance != parts.Node.Instance) return true;
        if (!candidate.Expired)
        {
            _orphans.Remove(candidate.Id);
            return false;
        }
        if (!_orphans.TryGetValue(candidate.Id, out var seen) || seen.Epoch != candidate.Epoch)
        {
            _orphans[candidate.Id] = (candidate.Epoch, parts.Clock.GetTimestamp());
            return false;
        }
        if (parts.Clock.GetElapsedTime(seen.Since).TotalSeconds < parts.Options.PollSeconds * 0.9) return false;
        return !candidate.Covered || (candidate.Proof && await HolderGoneAsync(candidate, cancel));
    }

    private async Task<bool> HolderGoneAsync(Candidate candidate, CancellationToken cancel)
    {
        foreach (var cluster in Execution.Execution.Clusters(Plan.Read(candidate.Plan)))
        {
            if (!await parts.Fleet.HolderGoneAsync(cluster, cancel)) return false;
        }
        return true;
    }

    /// <summary>Local journals of operations that others have ended or taken over meanwhile, and of those that have no row yet: they get one, and are
    /// taken over like any other whose runner is dead.</summary>
    private async Task AppendLeftoversAsync(CancellationToken cancel)
    {
        _leftovers = false;
        foreach (var file in LocalJournal.Files(parts.Node.Directory).Where(f => !_running.ContainsKey(f.Operation)))
        {
            if (await parts.Reader.FindAsync(file.Operation, cancel) is { } operation)
            {
                if (!operation.State.IsEnd() && operation.Epoch == file.Epoch) continue;
                var known = await parts.Journal.LastLocalAsync(file.Operation, file.Epoch, cancel);
                foreach (var entry in LocalJournal.Read(file.Path).Where(e => e.Local > known))
                    await parts.Journal.AppendLateAsync(file.Operation, entry, cancel);
            }
            else if (LocalJournal.Read(file.Path) is [{ Kind: Registration.Begin } begin, ..])
            {
                await parts.Registration.RegisterAsync(file.Operation, file.Epoch, begin, instance: "gone", cancel);
                continue;
            }
            File.Delete(file.Path);
        }
    }

    /// <summary>Until something changed that concerns us, or it is time to look for orphans.</summary>
    private async Task WaitAsync(OperationSubscription subscription, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(TimeSpan.FromSeconds(parts.Options.PollSeconds));
        try
        {
            while (true)
            {
                var signal = await subscription.Signals.ReadAsync(limit.Token);
                if (_running.TryGetValue(signal.OperationId, out var run))
                {
                    if (signal.Kind is "wish" or "") run.Lease.Nudge();
                }
                else if (signal.Kind is "state" or "start" or "")
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Time to look.
        }
    }
}
