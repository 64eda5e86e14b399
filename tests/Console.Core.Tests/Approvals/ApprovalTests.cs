using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Operations;

namespace OpsConsole.Core.Tests.Approvals;

public sealed class ApprovalTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task Approve_ByEnoughOthersWithStepUp_StartsTheOperation()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Critical);

        var halfway = await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(1, _clock));
        Assert.Equal((ApprovalState.Pending, 1), (halfway.State, halfway.Missing));
        Assert.Equal(OperationState.AwaitingApproval, (await node.Reader.GetAsync(operation)).State);
        var complete = await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(2, _clock));

        Assert.Equal(ApprovalState.Approved, complete.State);
        Assert.True(await node.RunAsync(operation));
        Assert.Equal(OperationState.Succeeded, (await node.Reader.GetAsync(operation)).State);
        Assert.Equal(2, fleet.Audit.Entries.Count(e => e.Action == "approval.approve"));
        Assert.Contains(fleet.Alarms, a => a.Kind == "approvalNeeded");
    }

    [Fact]
    public async Task Approve_ManualStart_WaitsForSomebodyAndItsRightExpires()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Medium, r => r with { Start = StartMode.Manual });
        await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(1));
        Assert.False(await node.RunAsync(operation));

        _clock.Advance(TimeSpan.FromMinutes(61));
        await ExpireAsync(node);

        Assert.Equal(OperationState.Expired, (await node.Reader.GetAsync(operation)).State);
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Operations.StartAsync(operation, People.Operator));
        Assert.Equal("state", refused.Rule);
    }

    [Fact]
    public async Task Approve_Refused_ForEachReason_AndEachTryIsOnRecord()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (_, approval) = await AskAsync(node, Severity.Critical);
        await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(1, _clock));
        var requester = People.Operator with { Roles = [Roles.Operator, Roles.Approver], StepUp = new StepUpProof("totp", _clock.GetUtcNow()) };

        Assert.Equal("selfApproval", await RuleAsync(requester));
        Assert.Equal("selfApproval", await RuleAsync(People.Approver(3, _clock) with { Identities = [.. People.Operator.Identities] }));
        Assert.Equal("decided", (await Assert.ThrowsAsync<RequestRefusedException>(() => node.Approvals.RejectAsync(approval.Id, "no", People.Approver(1)))).Rule);
        Assert.Equal("sameIdentity", await RuleAsync(People.Approver(4, _clock) with { Identities = [.. People.Approver(1).Identities] }));
        Assert.Equal("planHash", await RuleAsync(People.Approver(2, _clock), "0000"));
        await Assert.ThrowsAsync<StepUpRequiredException>(() => node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "", People.Approver(2)));
        await Assert.ThrowsAsync<StepUpRequiredException>(() => node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "",
            People.Approver(2) with { StepUp = new StepUpProof("totp", _clock.GetUtcNow().AddMinutes(-3)) }));
        await Assert.ThrowsAsync<NotAllowedException>(() => node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "", People.Viewer));
        Assert.Equal("reason", (await Assert.ThrowsAsync<RequestRefusedException>(() => node.Approvals.RejectAsync(approval.Id, " ", People.Approver(2)))).Rule);

        Assert.Equal(9, fleet.Audit.Entries.Count(e => e.Action == "approval.refused"));
        Assert.Equal(9, fleet.Alarms.Count(a => a.Kind == "refused"));
        Assert.Single((await node.Approvals.GetAsync(approval.Id)).Decisions);

        async Task<string> RuleAsync(Person person, string? hash = null) =>
            (await Assert.ThrowsAsync<RequestRefusedException>(() => node.Approvals.ApproveAsync(approval.Id, hash ?? approval.PlanHash, "", person))).Rule;
    }

    [Fact]
    public async Task Approve_Repeated_GivesThePresentApprovalWithoutAnotherFactor()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Critical);
        await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(1, _clock));
        Assert.Equal((ApprovalState.Pending, 1), await AgainAsync(1));
        await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(2, _clock));
        Assert.True(await node.RunAsync(operation));

        Assert.Equal((ApprovalState.Approved, 0), await AgainAsync(2));
        Assert.Equal(2, fleet.Audit.Entries.Count(e => e.Action == "approval.approve"));
        Assert.DoesNotContain(fleet.Audit.Entries, e => e.Action == "approval.refused");

        async Task<(ApprovalState, int)> AgainAsync(int number)
        {
            var again = await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(number));
            return (again.State, again.Missing);
        }
    }

    [Fact]
    public async Task BreakGlass_WithAnOverride_IsRefusedAndAnOverrideIsOnRecord()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        fleet.Planners[0].Overrides = ["lag"];
        var glass = await Assert.ThrowsAsync<RequestRefusedException>(() => node.SubmitAsync("set:a", with: r => r with { BreakGlassReason = "all is burning" },
            person: People.Operator with { StepUp = new StepUpProof("totp", _clock.GetUtcNow()) }));
        Assert.Equal("breakGlassOverride", glass.Rule);

        var submitted = await node.SubmitAsync("set:a");

        Assert.Equal(2, (await node.Approvals.GetAsync(submitted.ApprovalId!.Value)).RequiredApprovers);
        var entry = Assert.Single(fleet.Audit.Entries, e => e.Action == "test.request");
        Assert.Equal(["lag"], (IEnumerable<string>)entry.After!.GetType().GetProperty("overrides")!.GetValue(entry.After)!);
    }

    [Fact]
    public async Task Approve_PlanHasChanged_VoidsWithTheDifference()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Medium);
        fleet.Planners[0].Value = "newer";

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(1)));

        Assert.Equal("planChanged", refused.Rule);
        var now = await node.Approvals.GetAsync(approval.Id);
        Assert.Equal((ApprovalState.Void, new PlanChange("steps[0].parameters.value", "\"new\"", "\"newer\"")), (now.State, Assert.Single(now.Changes)));
        Assert.Equal(OperationState.Cancelled, (await node.Reader.GetAsync(operation)).State);
    }

    [Fact]
    public async Task Start_PlanHasChangedSinceTheApproval_VoidsAndDoesNothing()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Medium);
        await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(1));
        fleet.Planners[0].Value = "newer";

        await node.RunAsync(operation);

        Assert.Equal(OperationState.Cancelled, (await node.Reader.GetAsync(operation)).State);
        Assert.Equal(ApprovalState.Void, (await node.Approvals.GetAsync(approval.Id)).State);
        Assert.Empty(fleet.World.Facts);
    }

    [Fact]
    public async Task Start_BoundNoLongerHolds_FailsAndDoesNothing()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Medium);
        await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(1));
        fleet.Planners[0].Measure = _ => new Preflight { Checks = [new PreflightCheck("lag", CheckVerdict.Blocking, "90 s", "60 s", "The target lags.")] };

        await node.RunAsync(operation);

        var ended = await node.Reader.GetAsync(operation);
        Assert.Equal(OperationState.Failed, ended.State);
        Assert.Contains("The target lags.", ended.EndReason, StringComparison.Ordinal);
        Assert.Empty(fleet.World.Facts);
    }

    [Fact]
    public async Task Reject_ByOne_Blocks()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Critical);
        await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(1, _clock));

        await node.Approvals.RejectAsync(approval.Id, "not on a Friday", People.Approver(2));

        Assert.Equal(ApprovalState.Rejected, (await node.Approvals.GetAsync(approval.Id)).State);
        Assert.Equal(OperationState.Cancelled, (await node.Reader.GetAsync(operation)).State);
        var late = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "", People.Approver(3, _clock)));
        Assert.Equal("state", late.Rule);
    }

    [Fact]
    public async Task Expiry_TimeOutIsDenial()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Medium);
        _clock.Advance(TimeSpan.FromMinutes(30));

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "", People.Approver(1)));
        await ExpireAsync(node);

        Assert.Equal("expired", refused.Rule);
        Assert.Equal(ApprovalState.Expired, (await node.Approvals.GetAsync(approval.Id)).State);
        Assert.Equal(OperationState.Expired, (await node.Reader.GetAsync(operation)).State);
    }

    [Fact]
    public async Task Approve_AuditFails_IsNotDone()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Medium);
        fleet.Audit.Fails = true;

        await Assert.ThrowsAsync<InvalidOperationException>(() => node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "", People.Approver(1)));

        Assert.Empty((await node.Approvals.GetAsync(approval.Id)).Decisions);
        Assert.Equal(OperationState.AwaitingApproval, (await node.Reader.GetAsync(operation)).State);
    }

    [Fact]
    public async Task Approve_ManyAtOnce_CountsEachOnceAndCompletesOnce()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var (operation, approval) = await AskAsync(node, Severity.Critical);

        var tries = await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            try
            {
                await node.Approvals.ApproveAsync(approval.Id, approval.PlanHash, "go", People.Approver(i % 3, _clock));
                return "approved";
            }
            catch (RequestRefusedException refused)
            {
                return refused.Rule;
            }
        }));

        Assert.All(tries, t => Assert.Contains(t, (string[])["approved", "state"]));
        Assert.Equal(2, (await node.Approvals.GetAsync(approval.Id)).Decisions.Length);
        Assert.Equal(OperationState.Approved, (await node.Reader.GetAsync(operation)).State);
    }

    [Fact]
    public async Task BreakGlass_NeedsProofAndReason_AlarmsAndOwesAReview()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        Func<OperationRequest, OperationRequest> glass = r => r with { BreakGlassReason = "all is burning" };
        Action<JsonObject> critical = r => r["severity"] = "Critical";
        await Assert.ThrowsAsync<StepUpRequiredException>(() => node.SubmitAsync("set:a", more: critical, with: glass));

        var submitted = await node.SubmitAsync("set:a", person: People.OperatorWithProof(_clock), more: critical, with: glass);

        Assert.Null(submitted.ApprovalId);
        Assert.Contains(fleet.Alarms, a => a.Kind == "breakGlass" && a.OperationId == submitted.OperationId);
        Assert.Contains(fleet.Audit.Entries, e => e.Action == "test.breakGlass");
        var reviews = node.Get<Reviews>();
        var owed = Assert.Single(await reviews.ListAsync());
        var self = People.Operator with { Roles = [Roles.Approver] };
        Assert.Equal("selfApproval", (await Assert.ThrowsAsync<RequestRefusedException>(() => reviews.CompleteAsync(owed.Id, "fine", self))).Rule);
        await reviews.CompleteAsync(owed.Id, "it was justified", People.Approver(1));
        Assert.Empty(await reviews.ListAsync());
    }

    [Fact]
    public async Task Policy_NewVersion_ComesIntoForceOnlyWhenOthersAgree()
    {
        await using var fleet = await TestFleet.CreateAsync(_clock);
        var node = fleet.Node();
        var policies = node.Get<ApprovalPolicies>();
        var looser = new ApprovalPolicy() with { BySeverity = new ApprovalPolicy().BySeverity.SetItem(Severity.Medium, ApprovalRule.None) };
        var proposal = await policies.ProposeAsync(looser, "too many clicks", People.Administrator);
        Assert.Equal(0, (await policies.CurrentAsync()).Version);

        await node.Approvals.ApproveAsync(proposal.Id, proposal.PlanHash, "", People.Approver(1, _clock));
        await node.Approvals.ApproveAsync(proposal.Id, proposal.PlanHash, "", People.Approver(2, _clock));

        var (version, policy) = await policies.CurrentAsync();
        Assert.Equal((1, looser.Hash), (version, policy.Hash));
        var lax = looser with { BySeverity = looser.BySeverity.SetItem(Severity.Critical, ApprovalRule.None) };
        Assert.Equal("policy", (await Assert.ThrowsAsync<RequestRefusedException>(() => policies.ProposeAsync(lax, "no", People.Administrator))).Rule);
    }

    [Fact]
    public void Rule_OverridesAndSeverity_TheStricterBinds()
    {
        var policy = new ApprovalPolicy();
        var plan = new Plan { Kind = "test", Title = "t", Steps = [], Severity = Severity.Low };

        Assert.False(policy.For(plan).Required);
        Assert.Equal(new ApprovalRule(2, true), policy.For(plan with { Overrides = [new PlanOverride("lag")] }));
        Assert.Equal(new ApprovalRule(2, true), policy.For(plan with { Severity = Severity.Critical }));
    }

    /// <summary>Whatever the order of whatever people's decisions: it is approved exactly if enough different human beings other than the
    /// requester agreed before anybody refused.</summary>
    [Fact]
    public void Check_AnySequenceOfDecisions_CountsHumansNotAccounts()
    {
        var now = _clock.GetUtcNow();
        var people = Gen.Select(Gen.Int[0, 5], Gen.Int[0, 3], Gen.Bool, (account, human, approve) => (Person: new Person(
            $"p{account}-{human}", "x@example.org", [Roles.Approver], [$"human:{human}"], new StepUpProof("totp", now)), Human: human, Approve: approve));
        people.List[0, 12].Sample(tries =>
        {
            var approval = new Approval(Guid.Empty, null, "operation", "h", ApprovalState.Pending, new ApprovalRule(2, true), "r@example.org", "", now, now.AddMinutes(30), null, [], [])
            {
                RequestedById = "requester",
                RequestedIdentities = ["human:0"],
            };
            var agreed = new HashSet<int>();
            foreach (var (person, human, approve) in tries)
            {
                if (approval.State != ApprovalState.Pending) break;
                try
                {
                    ApprovalRules.Check(approval, person, approve, "h", new ApprovalPolicy(), now);
                }
                catch (RequestRefusedException)
                {
                    continue;
                }
                if (approve) agreed.Add(human);
                approval = approval with { Decisions = approval.Decisions.Add(new ApprovalDecision(person.Email, approve, "", "totp", now) { PersonId = person.Id, Identities = person.Identities }) };
                approval = approval with { State = !approve ? ApprovalState.Rejected : approval.Missing == 0 ? ApprovalState.Approved : ApprovalState.Pending };
            }
            return !agreed.Contains(0) && (approval.State == ApprovalState.Approved) == (agreed.Count == 2 && approval.Decisions.All(d => d.Approve));
        });
    }

    private static async Task<(Guid Operation, Approval Approval)> AskAsync(TestNode node, Severity severity, Func<OperationRequest, OperationRequest>? with = null)
    {
        var submitted = await node.SubmitAsync("set:a", more: r => r["severity"] = severity.ToString(), with: with);
        return (submitted.OperationId, await node.Approvals.GetAsync(submitted.ApprovalId!.Value));
    }

    private static async Task ExpireAsync(TestNode node)
    {
        foreach (var chore in node.Get<IEnumerable<IRunnerChore>>())
            await chore.RunAsync(default);
    }
}
