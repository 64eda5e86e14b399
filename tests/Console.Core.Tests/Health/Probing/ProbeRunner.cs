using Microsoft.Extensions.Logging.Abstractions;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Health.Probing.Net;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Health.Probing;

/// <summary>Runs one declared probe through the real engine and gives its first samples.</summary>
internal static class ProbeRunner
{
    public static async Task<ProbeSample> RunAsync(ProbeOptions probe, ServiceKind kind = ServiceKind.Api, Action<FleetOptions>? change = null) => (await RunAsync(probe, 1, kind, change))[0];

    public static async Task<IReadOnlyList<ProbeSample>> RunAsync(ProbeOptions probe, int samples, ServiceKind kind = ServiceKind.Api, Action<FleetOptions>? change = null)
    {
        var options = ProbedFleet.Options(0.25);
        options.Services.Add(new ServiceOptions { Id = "target", Region = "east", Kind = kind, Probes = { probe } });
        probe.TimeoutSeconds ??= 10;
        change?.Invoke(options);
        var fleet = new FleetModel(options);
        var plan = ProbePlan.From(fleet);
        var sink = new FirstSamples(samples);
        var unused = new RecordingSinks();
        using var names = new Names(TimeProvider.System);
        await using var shell = new HostShell(fleet, TimeProvider.System);
        var state = new FleetState(fleet, plan, new FleetFeed(), unused, unused, ProbedFleet.Settings(), TimeProvider.System);
        var engine = new ProbeEngine(plan, new ProbeFactory(fleet, names, shell, TimeProvider.System), state, sink, TimeProvider.System, NullLogger<ProbeEngine>.Instance);
        using var stop = new CancellationTokenSource();
        var running = engine.RunAsync(stop.Token);
        var found = await sink.Found.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        return found;
    }

    private sealed class FirstSamples(int wanted) : IProbeSink
    {
        private readonly List<ProbeSample> _samples = [];
        private readonly TaskCompletionSource<IReadOnlyList<ProbeSample>> _found = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<IReadOnlyList<ProbeSample>> Found => _found.Task;

        public void Record(ProbeSample sample)
        {
            lock (_samples)
            {
                _samples.Add(sample);
                if (_samples.Count == wanted)
                    _found.TrySetResult([.. _samples]);
            }
        }
    }
}
