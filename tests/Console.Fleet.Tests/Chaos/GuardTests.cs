using System.Net.Sockets;
using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Chaos;

/// <summary>When an experiment does not begin, and who has to agree.</summary>
[Collection(SharedFleetForFaults.Faults)]
public sealed class GuardTests(SandboxFixture sandbox)
{
    private static readonly Person Operator = new("u1", "operator@example.org", [Roles.Operator], []);
    private readonly LiveFleet _fleet = LiveFleet.Of(sandbox);

    [Fact]
    public async Task Guards_EachInItsTurn_KeepAnExperimentFromBeginning()
    {
        await using var console = await FailoverConsole.StartAsync(_fleet, ("Chaos:MaxConcurrent", "1"), ("Chaos:BaselineSeconds", "1"),
            ("Chaos:Experiments:0:Id", "everything-off"), ("Chaos:Experiments:0:Title", "Cut everything off"), ("Chaos:Experiments:0:Group", "Regional"), ("Chaos:Experiments:0:Fault", "region.cutOff"),
            ("Chaos:Experiments:0:Targets:Pool", "Region"), ("Chaos:Experiments:0:Targets:Count", "all"));
        await console.SettledAsync();

        Assert.Equal(["injector-available"], await BlockingAsync(console, "container-restart"));
        Assert.Equal(["last-healthy-region"], await BlockingAsync(console, "everything-off"));
        Assert.Equal(["proven-backup"], await BlockingAsync(console, "database-primary-kill"));
        Assert.Empty(await BlockingAsync(console, "host-disk"));

        var automation = console.Get<Automation>();
        await automation.SetAsync("region:ap-southeast-1", Hold.Maintenance, "new disks", null, Operator);
        Assert.Equal(["maintenance"], await BlockingAsync(console, "host-disk"));
        await automation.ClearAsync("region:ap-southeast-1", Hold.Maintenance, "done", Operator);

        var running = await SubmitAsync(console, "application-latency", seconds: 60);
        await Eventually.TrueAsync(async () => (await console.Get<OperationReader>().GetAsync(running.OperationId)).State == OperationState.Running, "it runs");
        Assert.Equal(["concurrency"], await BlockingAsync(console, "host-disk"));
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => SubmitAsync(console, "host-disk", 5));
        Assert.Equal("preflight", refused.Rule);
        await console.Get<OperationService>().CancelAsync(running.OperationId, "enough", Operator);
        Assert.Equal(OperationState.Cancelled, (await console.EndAsync(running.OperationId)).State);
    }

    [Fact]
    public async Task AllowList_WithoutTheTarget_RefusesInWords()
    {
        await using var console = await FailoverConsole.StartAsync(_fleet, ("Chaos:AllowList:0", "service:us-west-2-*"));
        await console.SettledAsync();

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => console.Get<OperationService>().PreviewAsync(OperationKinds.Experiment, Request("host-disk", 5)));

        Assert.Contains("allow list", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CriticalExperiment_TwoDifferentPeopleWithASecondFactor_ThenItRunsAndIsPutBack()
    {
        await using var console = await FailoverConsole.StartAsync(_fleet, ("Chaos:BaselineSeconds", "1"));
        await console.SettledAsync();
        var approvals = console.Get<ApprovalService>();
        var submitted = await SubmitAsync(console, "load-balancer-failure", seconds: 6, standing: false);
        var approval = await approvals.GetAsync(submitted.ApprovalId!.Value);
        Person Approver(int n) => new($"a{n}", $"approver{n}@example.org", [Roles.Approver], [], new StepUpProof("totp", TimeProvider.System.GetUtcNow()));

        Assert.Equal(2, approval.RequiredApprovers);
        await Assert.ThrowsAsync<StepUpRequiredException>(() => approvals.ApproveAsync(approval.Id, approval.PlanHash, "", Approver(1) with { StepUp = null }));
        await Assert.ThrowsAnyAsync<RequestRefusedException>(() => approvals.ApproveAsync(approval.Id, approval.PlanHash, "", Operator with { Roles = [Roles.Approver], StepUp = Approver(1).StepUp }));
        await approvals.ApproveAsync(approval.Id, approval.PlanHash, "looks right", Approver(1));
        Assert.Single((await approvals.ApproveAsync(approval.Id, approval.PlanHash, "again", Approver(1))).Decisions); // repeated, it is the same one
        Assert.Equal(OperationState.AwaitingApproval, (await console.Get<OperationReader>().GetAsync(submitted.OperationId)).State);
        await approvals.ApproveAsync(approval.Id, approval.PlanHash, "agreed", Approver(2));

        await Eventually.TrueAsync(async () => !await AnswersAsync(), "the load balancer takes no connections", TimeSpan.FromSeconds(30));
        var operation = await console.EndAsync(submitted.OperationId);
        Assert.True(operation.Result["injection"]?.ToString() == "passed" && operation.Result["cleanUp"]?.ToString() == "passed", await console.StoryAsync(operation));
        Assert.True(await AnswersAsync());
    }

    [Fact]
    public async Task PlanThatWasShown_RolesHaveChangedSince_IsRefusedWithTheDifference()
    {
        await using var console = await FailoverConsole.StartAsync(_fleet);
        await console.SettledAsync();
        var shown = await console.Get<OperationService>().PreviewAsync(OperationKinds.Experiment, Request("network-partition", 5));
        var target = LiveFleet.Regions.First(r => r != console.Primary);
        var move = await console.RunAsync(FailoverConsole.Request(console.Primary, target, planned: true));
        Assert.True(move.State == OperationState.Succeeded, await console.StoryAsync(move));
        await console.SettledAsync(target);

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => console.Get<OperationService>().SubmitAsync(
            new OperationRequest(OperationKinds.Experiment, Request("network-partition", 5), "test") { PlanHash = shown.Hash }, Operator));

        Assert.Equal("planChanged", refused.Rule);
        Assert.Contains(refused.Changes, c => c.Path.Contains("target", StringComparison.Ordinal));
    }

    private static async Task<IReadOnlyList<string>> BlockingAsync(FailoverConsole console, string experiment)
    {
        var preview = await console.Get<OperationService>().PreviewAsync(OperationKinds.Experiment, Request(experiment, 5));
        return [.. preview.Preflight.Blocking(preview.Plan).Select(c => c.Id).Distinct()];
    }

    private static Task<Submitted> SubmitAsync(FailoverConsole console, string experiment, double seconds, bool standing = true) => console.Get<OperationService>().SubmitAsync(
        new OperationRequest(OperationKinds.Experiment, Request(experiment, seconds), "test") { StandingApproval = standing }, Operator);

    private static JsonObject Request(string experiment, double seconds) => new() { ["experiment"] = experiment, ["durationSeconds"] = seconds };

    private async Task<bool> AnswersAsync()
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", _fleet.Ports.HttpFrontend);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
