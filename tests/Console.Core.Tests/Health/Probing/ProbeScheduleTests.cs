using CsCheck;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;

namespace OpsConsole.Core.Tests.Health.Probing;

public class ProbeScheduleTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 3, TimeSpan.Zero);

    [Fact]
    public void Schedule_AnyFleet_EachProbeRunsFirstWithinOneIntervalAndThenOnTheBeat() => Gen.Select(Gen.Double[0.25, 60], Gen.Int[1, 50]).Sample((interval, count) =>
    {
        var plan = Plan(interval, count);
        var schedule = new ProbeSchedule(plan, Start);
        var length = plan.Probes[0].Interval;
        var runs = new Dictionary<int, List<TimeSpan>>();
        while (schedule.Next is { } next && next < length * 4)
        {
            Assert.True(schedule.TryTake(next, out var probe, out var due));
            (runs.TryGetValue(probe, out var list) ? list : runs[probe] = []).Add(due);
        }
        Assert.Equal(count, runs.Count);
        Assert.All(runs.Values, r => Assert.True(r[0] < length));
        Assert.All(runs.Values, r => Assert.All(r.Zip(r.Skip(1)), pair => Assert.Equal(length, pair.Second - pair.First)));
        Assert.All(runs.Values, r => Assert.Equal(4, r.Count));
    }, iter: 50);

    [Fact]
    public void Schedule_ManyProbes_AreSpreadOverTheInterval()
    {
        var schedule = new ProbeSchedule(Plan(10, 5000), Start);
        var tenths = new int[10];
        while (schedule.Next is { } next && next < TimeSpan.FromSeconds(10))
        {
            schedule.TryTake(next, out _, out var due);
            tenths[(int)due.TotalSeconds]++;
        }
        Assert.All(tenths, t => Assert.InRange(t, 400, 600));
    }

    [Fact]
    public void Schedule_StartedAgain_KeepsThePhase()
    {
        var plan = Plan(10, 1);
        var first = Start + new ProbeSchedule(plan, Start).Next!.Value;
        var again = Start.AddSeconds(1234.5) + new ProbeSchedule(plan, Start.AddSeconds(1234.5)).Next!.Value;
        Assert.Equal(0, (again - first).Ticks % TimeSpan.FromSeconds(10).Ticks);
    }

    [Fact]
    public void TryTake_LongPause_LeavesOutWhatWasMissedAndKeepsTheBeat()
    {
        var schedule = new ProbeSchedule(Plan(1, 1), Start);
        var first = schedule.Next!.Value;
        Assert.True(schedule.TryTake(first + TimeSpan.FromSeconds(5.5), out _, out _));
        Assert.False(schedule.TryTake(first + TimeSpan.FromSeconds(5.5), out _, out _));
        Assert.Equal(first + TimeSpan.FromSeconds(6), schedule.Next);
    }

    private static ProbePlan Plan(double interval, int count) =>
        ProbePlan.From(new FleetModel(ProbedFleet.Options(interval, [.. Enumerable.Range(0, count).Select(i => ($"s{i}", ServiceTier.Low))])));
}
