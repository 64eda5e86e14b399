using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Health.Verdicts;

namespace OpsConsole.Core.Tests.Health;

public sealed class ProbeVerdictTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    private readonly ProbeVerdict _verdict = new(
        ProbePlan.From(new FleetModel(ProbedFleet.Options(1, ("db", ServiceTier.Critical)))).Probes[0], Window, graceEnds: Start.AddSeconds(40));

    [Fact]
    public void Add_FailuresBeforeTheFirstSuccessWithinTheGrace_CountForNothing()
    {
        for (var second = 0; second < 20; second++) Add(second, ProbeOutcome.Failure);
        Assert.Equal(UpDown.Unknown, _verdict.State);

        Add(20, ProbeOutcome.Success);

        Assert.Equal(UpDown.Up, _verdict.State);
        Assert.Equal((1, 0), Counted(21));
    }

    [Fact]
    public void Add_FailuresAfterTheFirstSuccessOrTheGrace_Count()
    {
        Add(0, ProbeOutcome.Success);
        Add(1, ProbeOutcome.Failure);
        Assert.Equal((2, 1), Counted(2));
    }

    [Fact]
    public void Add_StillFailingAfterTheGrace_IsDown()
    {
        for (var second = 38; second < 46; second++) Add(second, ProbeOutcome.Failure);
        Assert.Equal(UpDown.Down, _verdict.State);
    }

    private void Add(int second, ProbeOutcome outcome) => _verdict.Add(new ProbeSample(0, Start.AddSeconds(second), outcome, 2000));

    private (int Count, int Errors) Counted(int second)
    {
        var sums = new WindowSums();
        _verdict.Window.AddTo(sums, Start.AddSeconds(second), DateTimeOffset.MinValue);
        return (sums.Count, sums.Errors);
    }
}
