using System.Text.Json.Nodes;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>One operation being run by this process under one lease: its record in memory, and how steps see it.</summary>
internal sealed class Execution : IAsyncDisposable
{
    private readonly Dictionary<string, IFleetSession> _sessions = [];
    private bool _begunInSection;
    private readonly ValueBag _outputs;
    private readonly ValueBag _result;

    public Execution(ExecutionParts parts, Operation operation, Lease lease, ExecutionJournal journal, CancellationToken shutdown)
    {
        (Parts, Operation, Lease, Journal, Shutdown) = (parts, operation, lease, journal, shutdown);
        (_outputs, _result) = (new ValueBag(operation.Outputs), new ValueBag(operation.Result));
        _begunInSection = journal.InSection;
        States = [.. operation.Steps.Select(s => s.State)];
        Interrupted = [.. operation.Steps.Select(s => s.State is StepState.Running or StepState.Failed || (operation.InSection && Plan.Steps[s.Index].Critical))];
    }

    public ExecutionParts Parts { get; }
    public Operation Operation { get; }
    public Lease Lease { get; }
    public ExecutionJournal Journal { get; }
    public CancellationToken Shutdown { get; }
    public Plan Plan => Operation.Plan;
    public StepState[] States { get; }
    /// <summary>Steps of which only the world knows how far they went: an intent without an outcome, or any step of a critical section
    /// whose runner died (its journal may lie on another node).</summary>
    public bool[] Interrupted { get; }

    public bool PastForwardOnly => Plan.Steps.Zip(States)
        .Any(s => s.First.Reversibility == Reversibility.ForwardOnly && s.Second is (StepState.Done or StepState.Found));

    public IStep Code(int index) => Parts.Steps.Get(Plan.Steps[index].Step);

    public Task WriteAsync(string kind, int? step, string text, StepState? state = null, bool refuseOnWish = false, OperationState? ending = null) =>
        WriteAsync(new JournalEntry(kind, step, text, Parts.Clock.GetUtcNow()) { State = state, RefuseOnWish = refuseOnWish, Ending = ending });

    public void SetResult<T>(string name, T value) => _result.Set(name, value);

    /// <summary>Writes what steps have put into result and outputs since the last entry.</summary>
    public Task FlushAsync(string kind, string text) => WriteAsync(kind, null, text);

    /// <summary>In or out of the critical section, as the next step needs it. One that began from memory is in it until its own section is over.</summary>
    /// <param name="end">no step follows</param>
    public async Task SectionAsync(bool critical, bool end = false)
    {
        if (critical) _begunInSection = false;
        if (critical && !Journal.InSection) await Journal.EnterSectionAsync(await OpenSessionsAsync() > 0);
        else if (!critical && Journal.InSection && (end || !_begunInSection)) await Journal.LeaveSectionAsync();
    }

    public StepContext Context(int index, CancellationToken cancel) => new()
    {
        OperationId = Operation.Id,
        Plan = Plan,
        Index = index,
        Epoch = Lease.Epoch,
        Outputs = _outputs,
        Result = _result,
        Cancel = cancel,
        Clock = Parts.Clock,
        Sessions = Session,
        Journal = (text, percent, data) => WriteAsync(new JournalEntry(percent is null ? "said" : "progress", index, text, Parts.Clock.GetUtcNow())
        {
            Progress = percent,
            Data = (JsonObject?)data?.DeepClone(),
        }),
    };

    /// <summary>Pause before the next try: doubles. <paramref name="wake"/> ends it early, shutdown and loss of the lease throw.</summary>
    public async Task PauseAsync(int attempt, CancellationToken wake)
    {
        var seconds = Math.Min(Parts.Options.LongestPauseSeconds, Parts.Options.FirstPauseSeconds * Math.Pow(2, attempt - 1));
        using var end = CancellationTokenSource.CreateLinkedTokenSource(wake, Shutdown, Lease.Lost);
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(seconds), Parts.Clock, end.Token);
        }
        catch (OperationCanceledException)
        {
            if (Lease.Lost.IsCancellationRequested) throw new LeaseLostException("The lease ended in a pause.");
            Shutdown.ThrowIfCancellationRequested();
        }
    }

    private async Task WriteAsync(JournalEntry entry)
    {
        await Journal.WriteAsync(entry with { Outputs = _outputs.TakeFresh(), Result = _result.TakeFresh() });
        if (entry is { Step: { } step, State: { } state }) States[step] = state;
    }

    private IFleetSession Session(string cluster)
    {
        lock (_sessions)
        {
            if (!_sessions.TryGetValue(cluster, out var session))
                _sessions[cluster] = session = Parts.Fleet.Open(cluster, $"opsconsole {Operation.Id} epoch {Lease.Epoch}");
            return session;
        }
    }

    private async Task<int> OpenSessionsAsync()
    {
        var open = 0;
        foreach (var cluster in Clusters(Plan))
        {
            try
            {
                open += await Session(cluster).OpenAllAsync(Lease.Lost);
            }
            catch (Exception failure) when (failure is not (LeaseLostException or OperationCanceledException))
            {
                // Without sessions the section has no proof of life, and a takeover waits for the end of its lease.
                OperationsLog.OpenFailed(Parts.Log, cluster, failure.Message);
            }
        }
        return open;
    }

    /// <summary>Clusters whose topology the plan claims.</summary>
    public static IEnumerable<string> Clusters(Plan plan) => plan.Targets
        .Where(t => t.Class == ResourceClass.Topology && t.Resource.StartsWith("cluster:", StringComparison.Ordinal)).Select(t => t.Resource["cluster:".Length..]).Distinct();

    public async ValueTask DisposeAsync()
    {
        foreach (var session in _sessions.Values)
            await session.DisposeAsync();
    }
}
