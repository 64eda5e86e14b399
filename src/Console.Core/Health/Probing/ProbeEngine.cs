using Microsoft.Extensions.Logging;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Health.Probing;

/// <summary>Runs all probes of a plan: one timer starts what is due, each probe runs on its own and asynchronously, none waits for
/// another. A probe still running when it is due again is left out that time, and counted.</summary>
public sealed partial class ProbeEngine : IObserver
{
    public const string ComponentName = "probe engine";

    private static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan SayEvery = TimeSpan.FromSeconds(10);

    private readonly ProbePlan _plan;
    private readonly IProbeFactory _factory;
    private readonly IFleetReducer _reducer;
    private readonly IProbeSink _sink;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly IMonitoringPause? _pause;

    public ProbeEngine(ProbePlan plan, IProbeFactory factory, IFleetReducer reducer, IProbeSink sink, TimeProvider time, ILogger<ProbeEngine> log, IMonitoringPause? pause = null)
    {
        _plan = plan;
        _factory = factory;
        _reducer = reducer;
        _sink = sink;
        _time = time;
        _log = log;
        _pause = pause;
    }

    public string Name => ComponentName;

    /// <summary>How late probes started in the last minute, and what was left out since the process began.</summary>
    public ProbeStatistics Statistics { get; } = new();

    public async Task RunAsync(CancellationToken cancel)
    {
        var run = new Run(this, cancel);
        LogStarted(_plan.Probes.Count);
        await run.UntilCancelledAsync();
    }

    private void Deliver(ProbeSample sample)
    {
        _reducer.Probed(sample);
        _sink.Record(sample);
    }

    private void Say()
    {
        var skipped = Statistics.TakeSkipped();
        _reducer.Component(ComponentName, skipped == 0 ? HealthStatus.Healthy : HealthStatus.Degraded,
            skipped == 0 ? $"{_plan.Probes.Count} probes, started within {Statistics.LatenessMs(99)} ms (p99 of the last minute)" : $"{skipped} runs were left out: the one before had not ended", _time.GetUtcNow());
        Statistics.Mark();
    }

    [LoggerMessage(2001, LogLevel.Information, "Probing {Count} targets")]
    private partial void LogStarted(int count);

    [LoggerMessage(2002, LogLevel.Error, "Probe {Key} ended with an unexpected error")]
    private partial void LogUnexpected(Exception exception, string key);

    /// <summary>The engine between getting and losing the lease.</summary>
    private sealed class Run
    {
        private readonly ProbeEngine _engine;
        private readonly ProbeSchedule _schedule;
        private readonly Slot?[] _slots;
        private readonly long _started;
        private readonly DateTimeOffset _startedAt;
        private readonly CancellationToken _cancel;
        private readonly Lock _gate = new();
        private ITimer? _timer;

        public Run(ProbeEngine engine, CancellationToken cancel)
        {
            _engine = engine;
            _cancel = cancel;
            _started = engine._time.GetTimestamp();
            _startedAt = engine._time.GetUtcNow();
            _schedule = new ProbeSchedule(engine._plan, _startedAt);
            _slots = new Slot[engine._plan.Probes.Count];
        }

        public async Task UntilCancelledAsync()
        {
            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var stop = _cancel.Register(() => ended.TrySetCanceled(_cancel));
            await using (_timer = _engine._time.CreateTimer(_ => StartDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan))
            {
                StartDue();
                await using var saying = _engine._time.CreateTimer(_ => _engine.Say(), null, SayEvery, SayEvery);
                try
                {
                    await ended.Task;
                }
                finally
                {
                    End();
                }
            }
        }

        private void End()
        {
            lock (_gate)
                foreach (var slot in _slots)
                    slot?.Dispose();
        }

        private void StartDue()
        {
            lock (_gate)
            {
                if (_cancel.IsCancellationRequested)
                    return;
                while (_schedule.TryTake(_engine._time.GetElapsedTime(_started), out var index, out var due))
                    Start(index, due);
                if (_schedule.Next is { } next)
                    _timer!.Change(Until(next), Timeout.InfiniteTimeSpan);
            }
        }

        private TimeSpan Until(TimeSpan next)
        {
            // Woken at multiples of the grain only: what falls due in between starts together, which halves the cost of waking up.
            // Rounded up, as timers count whole milliseconds and would fire just before the time, and again.
            var grains = (next.Ticks + Grain.Ticks - 1) / Grain.Ticks;
            var wait = Grain * grains - _engine._time.GetElapsedTime(_started);
            return wait <= TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds));
        }

        private void Start(int index, TimeSpan due)
        {
            var spec = _engine._plan.Probes[index];
            if (_engine._pause?.Covers(spec.Service) == true)
                return; // without samples its verdict becomes unknown
            var slot = _slots[index] ??= new Slot(spec, _engine._factory, _engine._time, _cancel);
            var started = _engine._time.GetElapsedTime(_started);
            if (!slot.TryBegin())
            {
                _engine.Statistics.Overlapped();
                return;
            }
            _engine.Statistics.Started(started - due);
            _ = RunAsync(slot, _startedAt + started);
        }

        private async Task RunAsync(Slot slot, DateTimeOffset at)
        {
            var began = _engine._time.GetTimestamp();
            ProbeResult result;
            try
            {
                result = await slot.Probe.RunAsync(slot.Timeout());
            }
            catch (OperationCanceledException)
            {
                result = new ProbeResult(ProbeOutcome.Timeout, Elapsed(began), 0, $"no answer within {slot.Spec.Timeout.TotalSeconds:0.##} s");
            }
            catch (Exception e) when (ProbeErrors.Describe(e) is { } error)
            {
                result = new ProbeResult(ProbeOutcome.Failure, Elapsed(began), 0, error);
            }
            catch (Exception e)
            {
                _engine.LogUnexpected(e, slot.Spec.Key);
                result = new ProbeResult(ProbeOutcome.Failure, Elapsed(began), 0, e.Message);
            }
            slot.End();
            if (_cancel.IsCancellationRequested)
                return;
            if (result.Outcome == ProbeOutcome.Timeout && result.Error is null)
                result = result with { Error = $"no answer within {slot.Spec.Timeout.TotalSeconds:0.##} s" };
            _engine.Deliver(new ProbeSample(slot.Spec.Index, at, result.Outcome, result.DurationMicros, result.StatusCode, result.Error, result.Gauges));
        }

        private int Elapsed(long began) => ProbeResult.Micros(_engine._time.GetElapsedTime(began));
    }

    /// <summary>What a probe keeps between its runs.</summary>
    private sealed class Slot(ProbeSpec spec, IProbeFactory factory, TimeProvider time, CancellationToken cancel) : IDisposable
    {
        private CancellationTokenSource? _timeout;
        private int _running;

        public ProbeSpec Spec { get; } = spec;
        public IProbe Probe { get; } = factory.Create(spec);

        public bool TryBegin() => Interlocked.Exchange(ref _running, 1) == 0;

        public void End() => Volatile.Write(ref _running, 0);

        /// <summary>A token that is cancelled at the probe's time-out; the source is used again while it has not fired.</summary>
        public CancellationToken Timeout()
        {
            cancel.ThrowIfCancellationRequested();
            if (_timeout is null || !_timeout.TryReset())
            {
                _timeout?.Dispose();
                _timeout = new CancellationTokenSource(System.Threading.Timeout.InfiniteTimeSpan, time);
            }
            _timeout.CancelAfter(Spec.Timeout);
            return _timeout.Token;
        }

        /// <summary>Ends a run that is still going on.</summary>
        public void Dispose()
        {
            _timeout?.Cancel();
            _timeout?.Dispose();
            (Probe as IDisposable)?.Dispose();
        }
    }
}
