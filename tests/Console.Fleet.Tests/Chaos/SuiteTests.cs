using System.Text.Json.Nodes;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Chaos;

/// <summary>Suites on real parts, one after the other on one console: all pass on a healthy fleet, and nothing of them is left. The full one holds the tests of every other.</summary>
public sealed class SuiteTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task Suites_OnAHealthyFleetWithABackup_PassAndPutEverythingBack()
    {
        await using var console = await FailoverConsole.StartAsync(LiveFleet.Of(sandbox), ("Chaos:BaselineSeconds", "1"), ("Drills:ExperimentSeconds", "4"));
        await console.SettledAsync();
        var source = console.Primary;
        var backup = await console.RunAsync(BackupKinds.Backup, new JsonObject { ["cluster"] = "orders", ["type"] = "full" }, TimeSpan.FromMinutes(3));
        Assert.True(backup.State == OperationState.Succeeded, await console.StoryAsync(backup));
        Assert.Null(await console.Get<IBackupCatalogue>().NewestProvenAsync("orders"));

        await PassesAsync(console, "backupRestore");
        Assert.NotNull(await console.Get<IBackupCatalogue>().NewestProvenAsync("orders")); // the drill's own restore has proven it
        var full = await PassesAsync(console, "full");

        Assert.Equal(0, full.Result["lostHeartbeats"]!.GetValue<int>());
        await console.SettledAsync(source);
    }

    private async Task<Operation> PassesAsync(FailoverConsole console, string suite)
    {
        await console.SettledAsync(); // as every test of a suite expects it
        var began = TimeProvider.System.GetTimestamp();
        var operation = await console.RunAsync(OperationKinds.Drill, new JsonObject { ["suite"] = suite }, TimeSpan.FromMinutes(4));
        var story = await console.StoryAsync(operation);
        TestContext.Current.TestOutputHelper?.WriteLine($"{suite}: {TimeProvider.System.GetElapsedTime(began).TotalSeconds:0} s, {operation.Result["passed"]} passed, {operation.Result["skipped"]} skipped\n{operation.Result["tests"]}");
        Assert.True(operation.State == OperationState.Succeeded && operation.Result["verdict"]!.ToString() == "passed" && operation.Result["cleanUp"]!.ToString() == "passed", $"{suite}: {story}");
        // The embedded fleet's cluster declares no zones: nothing else may be skipped.
        Assert.All(operation.Result["tests"]!.AsObject().Select(t => t.Value!).Where(t => t["verdict"]!.ToString() == "skipped"), t => Assert.Contains("declares no zones", t["evidence"]!.ToString(), StringComparison.Ordinal));
        Assert.Equal(operation.Plan.Steps.Length - 1, operation.Result["tests"]!.AsObject().Count);
        Assert.Equal(0, sandbox.Fleet.Network.Proxies.Values.Sum(p => p.Toxics.Count));
        Assert.All(sandbox.Fleet.Network.Proxies.Values, p => Assert.True(p.Enabled));
        Assert.Empty(await console.Get<Instances>().AllAsync(CancellationToken.None));
        var children = (await console.Get<OperationReader>().ListAsync(OperationKinds.Experiment)).Where(o => o.Request["partOf"]?.ToString() == operation.Id.ToString());
        Assert.All(children, c => Assert.Equal("passed", c.Result["cleanUp"]!.ToString()));
        return operation;
    }
}
