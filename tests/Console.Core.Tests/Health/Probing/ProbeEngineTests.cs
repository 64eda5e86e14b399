using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Health.Probing;

public sealed class ProbeEngineTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly RecordingSinks _sinks = new();
    private readonly ScriptedProbes _probes = new();
    private readonly Pause _pause = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ProbeEngine _engine;
    private readonly Task _running;

    public ProbeEngineTests()
    {
        var fleet = new FleetModel(ProbedFleet.Options(1, ("quick", ServiceTier.Low), ("slow", ServiceTier.Low), ("broken", ServiceTier.Low)));
        var plan = ProbePlan.From(fleet);
        var state = new FleetState(fleet, plan, new FleetFeed(), _sinks, _sinks, ProbedFleet.Settings(), _time);
        _engine = new ProbeEngine(plan, _probes, state, _sinks, _time, NullLogger<ProbeEngine>.Instance, _pause);
        _running = _engine.RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _stop.Dispose();
    }

    [Fact]
    public void Run_TenSeconds_TheSlowTargetDelaysNobodyAndTheBrokenOneIsAFailure()
    {
        for (var step = 0; step < 1000; step++)
            _time.Advance(TimeSpan.FromMilliseconds(10));
        var samples = _sinks.Samples.ToLookup(s => s.Probe);
        Assert.Equal(10, samples[0].Count());
        Assert.All(samples[0], s => Assert.Equal(ProbeOutcome.Success, s.Outcome));
        Assert.All(samples[0].Zip(samples[0].Skip(1)), pair => Assert.InRange((pair.Second.At - pair.First.At).TotalMilliseconds, 980, 1020));
        Assert.Equal(10, samples[2].Count());
        Assert.All(samples[2], s => Assert.Equal((ProbeOutcome.Failure, "connection refused"), (s.Outcome, s.Error)));
        // Its time-out is the interval: each run ends just as, or after, the next is due.
        Assert.All(samples[1], s => Assert.Equal(ProbeOutcome.Timeout, s.Outcome));
        Assert.InRange(samples[1].Count(), 4, 10);
        Assert.Equal(1, _probes.MostAtOnce);
        Assert.InRange(_engine.Statistics.LatenessMs(99), 0, 21);
    }

    [Fact]
    public void Run_MonitoringOfOneServicePaused_LeavesItAloneUntilThePauseEnds()
    {
        _pause.Services.Add("quick");
        for (var step = 0; step < 300; step++)
            _time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.DoesNotContain(_sinks.Samples, s => s.Probe == 0);
        Assert.Equal(3, _sinks.Samples.Count(s => s.Probe == 2));
        _pause.Services.Clear();
        for (var step = 0; step < 300; step++)
            _time.Advance(TimeSpan.FromMilliseconds(10));
        Assert.Equal(3, _sinks.Samples.Count(s => s.Probe == 0));
    }

    private sealed class Pause : IMonitoringPause
    {
        public HashSet<string> Services { get; } = [];
        public bool Covers(string service) => Services.Contains(service);
    }

    /// <summary>quick succeeds at once, slow never answers, broken is refused.</summary>
    private sealed class ScriptedProbes : IProbeFactory
    {
        private int _slow;

        public int MostAtOnce { get; private set; }

        public IProbe Create(ProbeSpec spec) => new Probe(this, spec.Service);

        private sealed class Probe(ScriptedProbes all, string service) : IProbe
        {
            public async ValueTask<ProbeResult> RunAsync(CancellationToken timeout)
            {
                if (service == "quick")
                    return new ProbeResult(ProbeOutcome.Success, 100);
                if (service == "broken")
                    throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.ConnectionRefused);
                all.MostAtOnce = Math.Max(all.MostAtOnce, Interlocked.Increment(ref all._slow));
                var never = new TaskCompletionSource();
                try
                {
                    await using (timeout.UnsafeRegister(_ => never.TrySetCanceled(timeout), null))
                        await never.Task;
                    return default;
                }
                finally
                {
                    Interlocked.Decrement(ref all._slow);
                }
            }
        }
    }
}
