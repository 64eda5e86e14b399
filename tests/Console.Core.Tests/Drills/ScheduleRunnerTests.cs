using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drills;
using OpsConsole.Core.Drills.Schedules;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Failover;
using OpsConsole.Core.Tests.Operations;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Drills;

/// <summary>What begins by itself, against a real database and a clock that is moved by hand.</summary>
public sealed class ScheduleRunnerTests
{
    private static readonly DateTimeOffset Before = new(2027, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly FakeTimeProvider _clock = new(Before);
    private readonly DrillsOptions _options = new()
    {
        TimeZone = "Europe/Dublin",
        Calendar = [new ScheduleOptions { Id = "nightly", What = "drill:smoke", Every = Cadence.Daily, At = "01:30", WindowMinutes = 60 }],
    };

    [Fact]
    public async Task RunDue_EveryMinuteAcrossTheNightsWhenClocksChange_OnceEachLocalDay()
    {
        await using var fleet = await FleetAsync();
        var runner = Runner(fleet, fleet.Node());
        var begun = new List<DateTimeOffset>();
        foreach (var night in new[] { new DateTimeOffset(2027, 3, 27, 23, 0, 0, TimeSpan.Zero), new DateTimeOffset(2027, 10, 30, 22, 0, 0, TimeSpan.Zero) })
        {
            _clock.SetUtcNow(night);
            for (var minute = 0; minute < 30 * 60; minute += 20)
            {
                _clock.Advance(TimeSpan.FromMinutes(20));
                await runner.RunDueAsync(default);
                if ((await runner.ListAsync(default))[0] is { LastAt: { } at } && !begun.Contains(at)) begun.Add(at);
            }
        }

        // 01:30 is left out in March: the first moment that exists; it comes twice in October: the first of them.
        Assert.Equal(["2027-03-28T01:00", "2027-03-29T00:30", "2027-10-31T00:30", "2027-11-01T01:30"], begun.Select(b => b.UtcDateTime.ToString("yyyy-MM-ddTHH:mm", System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal(4, (await fleet.Node().Reader.ListAsync(OperationKinds.Drill)).Count);
    }

    [Fact]
    public async Task RunDue_AConsoleThatIsNew_BeginsWithTheNextTime()
    {
        _options.Calendar = [.. _options.Calendar!, new ScheduleOptions { Id = "books", What = "reminder:Review", Every = Cadence.Daily, At = "01:15", WindowMinutes = 60 }];
        await using var fleet = await NewFleetAsync();
        var runner = Runner(fleet, fleet.Node());
        _clock.SetUtcNow(new DateTimeOffset(2027, 1, 10, 1, 31, 0, TimeSpan.Zero));
        for (var minute = 0; minute < 3; minute++)
        {
            await runner.RunDueAsync(default);
            _clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Empty(await fleet.Node().Reader.ListAsync(OperationKinds.Drill));
        Assert.DoesNotContain(fleet.Audit.Entries, e => e.Action == "schedule.remind");
        Assert.All(await runner.ListAsync(default), s => Assert.Equal((null, "", null), (s.LastAt, s.LastNote, s.Overdue)));

        _clock.SetUtcNow(new DateTimeOffset(2027, 1, 11, 1, 31, 0, TimeSpan.Zero));
        await runner.RunDueAsync(default);
        Assert.Single(await fleet.Node().Reader.ListAsync(OperationKinds.Drill));
        Assert.Single(fleet.Audit.Entries, e => e.Action == "schedule.remind");
    }

    [Fact]
    public async Task RunDue_TwoNodesAndARestart_OneOperationEachOccurrence()
    {
        await using var fleet = await FleetAsync();
        var runners = new[] { Runner(fleet, fleet.Node("a")), Runner(fleet, fleet.Node("b")) };
        _clock.SetUtcNow(new DateTimeOffset(2027, 1, 10, 1, 31, 0, TimeSpan.Zero));

        for (var round = 0; round < 4; round++) await Task.WhenAll(runners.Select(r => r.RunDueAsync(default)));
        await Runner(fleet, fleet.Node("a")).RunDueAsync(default);

        var drill = Assert.Single(await fleet.Node().Reader.ListAsync(OperationKinds.Drill));
        var state = Assert.Single(await runners[1].ListAsync(default));
        Assert.Equal((drill.Id, ""), (state.LastOperation, state.LastNote));
        Assert.Equal("schedule nightly", drill.Reason);
    }

    [Fact]
    public async Task RunDue_MaintenanceOfTheFleet_WaitsAndBeginsWhenItEndsWithinTheWindow()
    {
        await using var fleet = await FleetAsync();
        var node = fleet.Node();
        var runner = Runner(fleet, node);
        _clock.SetUtcNow(new DateTimeOffset(2027, 1, 10, 1, 31, 0, TimeSpan.Zero));
        await node.Get<Automation>().SetAsync(Automation.Fleet, Hold.Maintenance, "new switches", _clock.GetUtcNow().AddMinutes(20), People.Operator);

        await runner.RunDueAsync(default);
        Assert.Contains("new switches", (await runner.ListAsync(default))[0].LastNote, StringComparison.Ordinal);
        Assert.Empty(await node.Reader.ListAsync(OperationKinds.Drill));

        _clock.Advance(TimeSpan.FromMinutes(21));
        await runner.RunDueAsync(default);
        Assert.NotNull((await runner.ListAsync(default))[0].LastOperation);
    }

    [Fact]
    public async Task RunDue_SchedulesStandStillOverTheWholeWindow_IsMissedAndOverdue()
    {
        await using var fleet = await FleetAsync();
        var node = fleet.Node();
        var (runner, pause) = (Runner(fleet, node), new SchedulePause(fleet.Database.Console, fleet.Audit, _clock));
        await pause.PauseAsync("failover:1", "a failover", People.Operator);
        _clock.SetUtcNow(new DateTimeOffset(2027, 1, 10, 1, 31, 0, TimeSpan.Zero));
        await runner.RunDueAsync(default);
        _clock.Advance(TimeSpan.FromHours(2));
        await pause.ResumeAsync("over", People.Operator);

        await runner.RunDueAsync(default);

        Assert.Empty(await node.Reader.ListAsync(OperationKinds.Drill));
        Assert.Equal("overdue: never begun, missed 2027-01-10 01:30Z", (await runner.ListAsync(default))[0].Overdue);
        _clock.SetUtcNow(new DateTimeOffset(2027, 1, 11, 1, 30, 0, TimeSpan.Zero));
        await runner.RunDueAsync(default);
        Assert.Null((await runner.ListAsync(default))[0].Overdue);
        _clock.Advance(TimeSpan.FromHours(50));
        Assert.Equal("overdue: last begun 2027-01-11 01:30Z", (await runner.ListAsync(default))[0].Overdue);
    }

    [Fact]
    public async Task RunDue_AReminder_IsOnRecordOnceAndBeginsNothing()
    {
        _options.Calendar = [new ScheduleOptions { Id = "books", What = "reminder:Review the runbooks: all", Every = Cadence.Quarterly, DayOfMonth = 1, At = "09:00" }];
        await using var fleet = await FleetAsync();
        var runners = new[] { Runner(fleet, fleet.Node("a")), Runner(fleet, fleet.Node("b")) };
        _clock.SetUtcNow(new DateTimeOffset(2027, 4, 1, 8, 5, 0, TimeSpan.Zero));

        for (var round = 0; round < 3; round++) await Task.WhenAll(runners.Select(r => r.RunDueAsync(default)));

        var entry = Assert.Single(fleet.Audit.Entries, e => e.Action == "schedule.remind");
        Assert.Equal(("schedule:books", "Review the runbooks: all"), (entry.Target, entry.Reason));
        var state = Assert.Single(await runners[0].ListAsync(default));
        Assert.Equal((ScheduleRunner.Reminded, null, null), (state.LastNote, state.LastOperation, state.Overdue));
        Assert.Empty(await fleet.Node().Reader.ListAsync());
    }

    [Fact]
    public void Schedules_WithoutACalendar_NameTheReviewOfTheRunbooksEachQuarter() =>
        Assert.Contains(new DrillsOptions().Schedules, s => s.Every == Cadence.Quarterly && s.What == "reminder:Review the runbooks");

    /// <summary>One whose schedules have been looked at before.</summary>
    private async Task<TestFleet> FleetAsync()
    {
        var fleet = await NewFleetAsync();
        await Runner(fleet, fleet.Node("before")).RunDueAsync(default);
        return fleet;
    }

    private async Task<TestFleet> NewFleetAsync() => TestFleet.Of(
        await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema, ChaosDb.ConsoleSchema, DrillsDb.ConsoleSchema), services => services.AddSingleton<IPlanner, QuietDrill>(), _clock);

    private ScheduleRunner Runner(TestFleet fleet, TestNode node)
    {
        var model = PreflightWorld.Fleet();
        return new ScheduleRunner(_options, model, fleet.Database.Console, node.Operations, new SchedulePause(fleet.Database.Console, fleet.Audit, _clock), node.Get<Automation>(),
            new ExperimentLibrary(model, new ChaosOptions()), fleet.Audit, _clock, NullLogger<ScheduleRunner>.Instance);
    }

    /// <summary>A drill on a resource of its own each time, so that only the calendar keeps it from beginning twice.</summary>
    private sealed class QuietDrill : IPlanner
    {
        public string Kind => OperationKinds.Drill;

        public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => Task.FromResult(new Plan
        {
            Kind = Kind, Title = "Quiet drill", Targets = [new PlanTarget($"drill:{Guid.NewGuid()}", ResourceClass.Fault)],
            Steps = [new PlanStep { Step = "test.wait", Name = "wait", Reversibility = Reversibility.Neutral, TimeoutSeconds = 5 }],
        });

        public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) => Task.FromResult(Preflight.Nothing);
    }
}
