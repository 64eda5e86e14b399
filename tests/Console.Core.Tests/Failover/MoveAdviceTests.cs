using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Contingencies;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Tests.Live;
using OpsConsole.Core.Tests.Operations;

namespace OpsConsole.Core.Tests.Failover;

/// <summary>FO-7: bad figures raise a prepared plan and never act.</summary>
public sealed class MoveAdviceTests
{
    private static readonly AdviceOptions Limits = new();
    private static readonly FailoverPlanner Planner = new(PreflightWorld.Fleet(), new PreflightWorldFacts(), new FailoverOptions());

    [Theory]
    [InlineData("us", ServiceTier.High, 30.0, 100.0, true)]
    [InlineData("us", ServiceTier.High, 29.9, 1999.0, false)]
    [InlineData("us", ServiceTier.Critical, 0.0, 2000.0, true)]
    [InlineData("us", ServiceTier.Medium, 100.0, 9000.0, false)]
    [InlineData("west", ServiceTier.Critical, 100.0, 9000.0, false)]
    public void Judge_Figures_SpeakForThePrimarysRegionAndItsHighTiersOnly(string region, ServiceTier tier, double errors, double p95, bool speaks) =>
        Assert.Equal(speaks, Judge(Service(region, tier, errors, p95)) is not null);

    [Fact]
    public void Judge_OldFigures_SayNothing() =>
        Assert.Null(Judge(Service("us", ServiceTier.High, 100, 9000) with { LastSampleAt = PreflightWorld.Now.AddMinutes(-3) }));

    [Fact]
    public void Judge_BadFigures_NamesThemAndThePlanThatIsReady()
    {
        var advice = Judge(Service("us", ServiceTier.High, 43, 2500))!;
        Assert.Equal(("us", "west", 2), (advice.Source, advice.Target, advice.Problems.Count));
        Assert.Contains("43 % of its requests fail (limit 30 %)", advice.Words, StringComparison.Ordinal);
        Assert.Contains("2.5 s", advice.Words, StringComparison.Ordinal);
        Assert.Contains("A plan is ready: Fail orders over from us to west", advice.Words, StringComparison.Ordinal);
        Assert.Contains("No plan", MoveAdviceRules.Judge(Cluster, Picture(Service("us", ServiceTier.High, 43, 1)), null, Limits, PreflightWorld.Now)!.Words, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Run_AnotherNodeHasSpokenAndItIsWellAgain_TakesItBack()
    {
        var spoken = new ComponentState("move advice orders", HealthStatus.Degraded, "said by another", PreflightWorld.Now, 1);
        var picture = Picture(Service("us", ServiceTier.High, 0, 1));
        await RunAsync(new Looks(picture with { Components = picture.Components.SetItem(spoken.Name, spoken) }), async (feed, audit, seen, lookAsync) =>
        {
            await lookAsync(5);
            Assert.Equal("failover.adviceOver", Assert.Single(audit.Entries).Action);
            Assert.Equal(HealthStatus.Healthy, seen.Last);
        });
    }

    [Fact(Timeout = 30_000)]
    public Task Run_BadForThreeLooksThenWell_SpeaksOnceAndTakesItBack() => RunAsync(new Looks(Picture(Service("us", ServiceTier.High, 50, 1))), async (feed, audit, seen, lookAsync) =>
    {
        await lookAsync(1);
        Assert.Empty(audit.Entries);
        await lookAsync(3);
        Assert.Equal("failover.advised", Assert.Single(audit.Entries).Action);
        Assert.Equal(HealthStatus.Degraded, seen.Last);
        feed.Picture = Picture(Service("us", ServiceTier.High, 0, 1));
        await lookAsync(5);
        Assert.Equal(["failover.advised", "failover.adviceOver"], audit.Entries.Select(e => e.Action));
        Assert.Equal(HealthStatus.Healthy, seen.Last);
    });

    private static async Task RunAsync(Looks feed, Func<Looks, FakeAudit, Components, Func<int, Task>, Task> story)
    {
        var time = new FakeTimeProvider(PreflightWorld.Now);
        var (audit, seen) = (new FakeAudit(), new Components());
        var plans = new ContingencyPlans(PreflightWorld.Fleet(), new PreflightWorldFacts(), Planner, new FailoverOptions(), time, NullLogger<ContingencyPlans>.Instance);
        await plans.RenewAsync(CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var running = new AdviceObserver(PreflightWorld.Fleet(), feed, plans, seen, audit, new FailoverOptions(), time).RunAsync(stop.Token);

        await story(feed, audit, seen, LookAsync);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        async Task LookAsync(int times)
        {
            for (var i = 0; i < times; i++)
            {
                await feed.Read.Reader.ReadAsync(TestContext.Current.CancellationToken);
                time.Advance(TimeSpan.FromSeconds(Limits.IntervalSeconds));
            }
        }
    }

    private static ClusterOptions Cluster => PreflightWorld.Fleet().Clusters["orders"];

    private static MoveAdvice? Judge(ServiceState service) =>
        MoveAdviceRules.Judge(Cluster, Picture(service), new ContingencyRules(Planner).Report(new SortedDictionary<string, PreflightFacts> { ["orders"] = PreflightWorld.Facts() }), Limits, PreflightWorld.Now);

    private static FleetSnapshot Picture(ServiceState service) => PreflightWorld.Picture() with { Services = PreflightWorld.Picture().Services.SetItem(service.Id, service) };

    private static ServiceState Service(string region, ServiceTier tier, double errors, double p95) => new($"{region}-api", region, ServiceKind.Api, tier, HealthStatus.Critical, 1, p95, p95, errors, 0, errors, 1, 100 - errors,
        PreflightWorld.Now, PreflightWorld.Now, "", [], ImmutableSortedDictionary<string, double>.Empty, CircuitState.Closed, 1);

    private sealed class Looks(FleetSnapshot picture) : IFleetFeed
    {
        public Channel<int> Read { get; } = Channel.CreateUnbounded<int>();
        public FleetSnapshot Picture { get; set; } = picture;
        public FleetSnapshot Current { get { Read.Writer.TryWrite(0); return Picture; } }
        public FleetSubscription Subscribe() => throw new InvalidOperationException("Nobody follows in these tests.");
    }

    private sealed class Components : SilentReducer
    {
        public HealthStatus? Last { get; private set; }
        public override void Component(string name, HealthStatus status, string detail, DateTimeOffset? lastSampleAt) => Last = status;
    }

    private sealed class PreflightWorldFacts : IFailoverFacts
    {
        public Task<PreflightFacts> GatherAsync(string cluster, CancellationToken cancel) => Task.FromResult(PreflightWorld.Facts());
    }
}
