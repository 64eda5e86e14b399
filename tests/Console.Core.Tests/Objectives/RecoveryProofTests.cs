using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Objectives;

public sealed class RecoveryProofTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 23, 3, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("""{"measuredRtoSeconds":0.3,"resolutionSeconds":0.02,"lostHeartbeats":0}""", true, 0.3, 0d, "switchover")]
    [InlineData("""{"measuredRtoSeconds":4,"resolutionSeconds":0.02,"lostHeartbeats":50}""", false, 4d, 1d, "failover")]
    [InlineData("""{"measuredRtoSeconds":4}""", false, 4d, null, "failover")]
    public void Of_SucceededOperation_IsTheProofThatItMeasured(string result, bool planned, double rto, double? rpo, string from)
    {
        var proof = FailoverProofs.Of("orders", Succeeded(result, planned))!;
        Assert.Equal(new RecoveryProof("orders", rto, rpo, At, planned, from), proof);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"measuredRtoSeconds":null}""")]
    public void Of_OperationThatMeasuredNothing_ProvesNothing(string result) => Assert.Null(FailoverProofs.Of("orders", Succeeded(result, true)));

    [Fact]
    public async Task Newest_OfAllSources_Counts()
    {
        var proven = new ProvenRecoveries([new Source(Proof(1, planned: false), Proof(5, planned: true)), new Source(Proof(3, planned: false))], TimeProvider.System, NullLogger<ProvenRecoveries>.Instance);
        Assert.Null(proven.Of("orders"));
        await proven.RefreshAsync(TestContext.Current.CancellationToken);
        Assert.Equal(At.AddHours(5), proven.Of("orders")!.At);
        Assert.Equal(At.AddHours(3), proven.Of("orders", planned: false)!.At);
        Assert.Null(proven.Of("other"));
    }

    [Fact]
    public void Estimate_WithAProof_SaysWhichPartsItComesFrom()
    {
        var cluster = new ClusterOptions { Id = "orders", PrimaryRegion = "us", Nodes = [new ClusterNodeOptions { Region = "us", Service = "db" }, new ClusterNodeOptions { Region = "eu", Service = "db2" }] };
        var fleet = new FleetModel(new FleetOptions { Services = [new ServiceOptions { Id = "db", Region = "us", Kind = ServiceKind.Database, Probes = [new ProbeOptions { Kind = ProbeKind.Tcp, Target = "h:1", IntervalSeconds = 2, FailureThreshold = 3 }] }], Clusters = [cluster] });
        var plan = ProbePlan.From(fleet);
        Assert.Equal(6, RtoEstimate.Of(cluster, "us", plan).Seconds);
        var after = RtoEstimate.Of(cluster, "us", plan, Proof(1, planned: true));
        Assert.Equal(6.5, after.Seconds);
        Assert.Contains("switchover", after.Source, StringComparison.Ordinal);
        // An unplanned one was measured whole, from the last write before to the first after.
        Assert.Equal(0.5, RtoEstimate.Of(cluster, "us", plan, Proof(1, planned: false)).Seconds);
    }

    [Fact]
    public void Estimate_NoStandbyCouldTakeOver_IsWhatTheNewestProofOfABackupTook()
    {
        var alone = new ClusterOptions { Id = "orders", PrimaryRegion = "us", Nodes = [new ClusterNodeOptions { Region = "us", Service = "db" }] };
        var plan = ProbePlan.From(new FleetModel(new FleetOptions { Services = [new ServiceOptions { Id = "db", Region = "us", Kind = ServiceKind.Database, Probes = [new ProbeOptions { Kind = ProbeKind.Tcp, Target = "h:1", IntervalSeconds = 2, FailureThreshold = 3 }] }], Clusters = [alone] }));
        var restore = new RecoveryProof("orders", 90, null, At, false, "proof of a backup") { Restore = true };

        var estimate = RtoEstimate.Of(alone, "us", plan, Proof(1, planned: false), restore);

        Assert.Equal(96, estimate.Seconds);
        Assert.Contains("90 s measured in the proof of a backup of 20", estimate.Source, StringComparison.Ordinal);
        Assert.Null(RtoEstimate.Of(alone, "us", plan, Proof(1, planned: false)).Seconds);
    }

    private static RecoveryProof Proof(int hours, bool planned) => new("orders", 0.5, 0, At.AddHours(hours), planned, planned ? "switchover" : "failover");

    private static Operation Succeeded(string result, bool planned) => new()
    {
        Id = Guid.NewGuid(), Plan = new Plan { Kind = "failover", Title = "move", Steps = [] }, PlanHash = "", State = OperationState.Succeeded, EndedAt = At,
        Request = new JsonObject { ["planned"] = planned }, Preflight = Preflight.Nothing, RequestedBy = "", Reason = "", Result = JsonNode.Parse(result)!.AsObject(), Outputs = [],
    };

    private sealed class Source(params RecoveryProof[] proofs) : IRecoveryProofs
    {
        public Task<IReadOnlyList<RecoveryProof>> NewestAsync(CancellationToken cancel) => Task.FromResult<IReadOnlyList<RecoveryProof>>(proofs);
    }
}
