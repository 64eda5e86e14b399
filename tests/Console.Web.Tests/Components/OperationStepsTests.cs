using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Pages.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Tests.Components;

public sealed class OperationStepsTests : PageContext
{
    private const int Count = 32;

    [Fact]
    public void Steps_InTheMiddle_FoldWhatIsOverAndFarAndShowTheCurrentOne()
    {
        var shown = Render<OperationSteps>(p => p.Add(s => s.Operation, Running(current: 14)));

        var folds = shown.FindAll("details");
        Assert.Equal(["Steps 1 to 13: 13 done", "Steps 18 to 32: 15 pending"], folds.Select(f => f.QuerySelector("summary")!.TextContent));
        Assert.All(folds, f => Assert.False(f.HasAttribute("open")));
        Assert.Equal("step-14", shown.Find("li[aria-current=step]").Id);
        Assert.Null(shown.Find("#step-14").ParentElement!.Closest("details"));
        Assert.Equal(["1", "14", "18"], shown.FindAll("ol").Select(l => l.GetAttribute("start")));
        Assert.Equal(Count, shown.FindAll("li").Count);
    }

    [Fact]
    public void Steps_DeepLinkIntoAFold_OpensThatFoldAlone()
    {
        Services.GetRequiredService<NavigationManager>().NavigateTo("/operations/x#step-3");
        var shown = Render<OperationSteps>(p => p.Add(s => s.Operation, Running(current: 14)));
        Assert.True(shown.Find("#step-3").Closest("details")!.HasAttribute("open"));
        Assert.False(shown.Find("#step-30").Closest("details")!.HasAttribute("open"));
    }

    [Fact]
    public void Steps_AFew_AreAllInSight()
    {
        var shown = Render<OperationSteps>(p => p.Add(s => s.Operation, Running(current: 3) with { Steps = [.. Running(current: 3).Steps.Take(7)] }));
        Assert.Empty(shown.FindAll("details"));
        Assert.Equal(7, shown.FindAll("li").Count);
    }

    [Fact]
    public void Plan_Folded_SaysFromWhereThereIsNoWayBack()
    {
        var shown = Render<PlanSteps>(p => p.Add(s => s.Plan, Running(current: 0).Plan).Add(s => s.Folded, true));
        Assert.Equal("27 more steps; no way back from step 21, Step 20", shown.Find("summary").TextContent);
        Assert.Equal(Count, shown.FindAll("li").Count);
    }

    private static Operation Running(int current)
    {
        var steps = Enumerable.Range(0, Count).Select(i => new PlanStep { Step = "x", Name = $"Step {i}", Reversibility = i == 20 ? Reversibility.ForwardOnly : Reversibility.Neutral }).ToImmutableArray();
        return new Operation
        {
            Id = Guid.NewGuid(), PlanHash = new string('0', 64), State = OperationState.Running, Request = [], Preflight = new Preflight { Checks = [] }, RequestedBy = "ops@example.org", Reason = "test", Result = [], Outputs = [],
            Plan = new Plan { Kind = OperationKinds.Failover, Title = "Move", Severity = Severity.Medium, Targets = [], Steps = steps },
            Steps = [.. steps.Select((s, i) => new OperationStep(i, s.Name, i < current ? StepState.Done : i == current ? StepState.Running : StepState.Pending, null, null, "", 0, null))],
        };
    }
}
