using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Drills;
using OpsConsole.Core.Drills.Reports;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Chaos;

/// <summary>Drills on real parts.</summary>
public sealed class DrillTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task Smoke_OnAHealthyFleet_PassesAndRaisesReadiness()
    {
        await using var console = await StartAsync();
        if (console.Primary != "us-east-1")
        {
            // Another test has left the primary elsewhere, which is drift, and a smoke drill says so.
            Assert.Equal(OperationState.Succeeded, (await console.RunAsync(FailoverConsole.Request(console.Primary, "us-east-1", planned: true))).State);
            await console.SettledAsync("us-east-1");
        }
        var readiness = console.Get<DrillReadiness>();
        var pair = console.Get<DrillPlanner>().PairOf([]);
        await Eventually.TrueAsync(async () => (await readiness.OfAsync(pair, CancellationToken.None)).AsOf is not null, "readiness is measured");
        var before = await readiness.OfAsync(pair, CancellationToken.None);

        var operation = await RunAsync(console, "smoke");

        Assert.True(operation.State == OperationState.Succeeded, await console.StoryAsync(operation));
        Assert.Equal("passed", operation.Result["verdict"]!.ToString());
        var after = await readiness.OfAsync(pair, CancellationToken.None);
        Assert.Equal(100, after.Suites.First(s => s.Suite == DrillSuite.Smoke).Score);
        Assert.True(after.ProvenPercent > before.ProvenPercent);
        Assert.NotNull(after.NextBestDrill);
    }

    [Fact]
    public async Task DatabaseFailover_MovesMeasuresAndMovesBack()
    {
        await using var console = await StartAsync();
        var source = console.Primary;

        var operation = await RunAsync(console, "databaseFailover");

        Assert.True(operation.State == OperationState.Succeeded, await console.StoryAsync(operation));
        Assert.InRange(operation.Result["measuredRtoSeconds"]!.GetValue<double>(), 0, 30);
        Assert.Equal(0, operation.Result["lostHeartbeats"]!.GetValue<int>());
        await console.SettledAsync(source);
        var report = await console.Get<ReportBuilder>().BuildAsync(operation.Id, CancellationToken.None);
        Assert.Equal(2, report.Objectives.Count);
        Assert.All(report.Objectives, o => Assert.True(o.Met));
        Assert.Empty(report.NotExecuted);
        Assert.Contains(report.Tests, t => t.Id.EndsWith("objectives", StringComparison.Ordinal) && t.Verdict == "passed");
    }

    [Fact]
    public async Task BackupRestore_WithoutABackup_FailsAndListsWhatWasSkippedWithItsReason()
    {
        await using var console = await StartAsync();

        var operation = await RunAsync(console, "backupRestore");

        Assert.NotEqual(OperationState.Succeeded, operation.State);
        var tests = operation.Result["tests"]!.AsObject().Select(t => t.Value!).ToList();
        Assert.Contains(tests, t => t["verdict"]!.ToString() == "failed" && t["evidence"]!.ToString().Contains("no proven backup", StringComparison.Ordinal));
        Assert.Contains(tests, t => t["verdict"]!.ToString() == "skipped" && t["evidence"]!.ToString().Length > 5);
        Assert.Equal("passed", operation.Result["cleanUp"]?.ToString() ?? "passed");
    }

    private async Task<FailoverConsole> StartAsync()
    {
        var console = await FailoverConsole.StartAsync(LiveFleet.Of(sandbox), ("Chaos:BaselineSeconds", "2"));
        await console.SettledAsync();
        return console;
    }

    private static async Task<Operation> RunAsync(FailoverConsole console, string suite)
    {
        var submitted = await console.Get<OperationService>().SubmitAsync(new OperationRequest(OperationKinds.Drill, new JsonObject { ["suite"] = suite }, "test") { StandingApproval = true }, Person.Console);
        return await console.EndAsync(submitted.OperationId, TimeSpan.FromSeconds(180));
    }
}
