using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

public sealed class SwitchoverTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task Switchover_ThereAndTakenBackByOneClick_LosesNothingAndNoClientFails()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var (source, target) = (console.Primary, console.Primary == "us-west-2" ? "us-east-1" : "us-west-2");
        Operation? there = null;
        foreach (var (from, to) in new[] { (source, target), (target, source) })
        {
            await using var writer = await Writer.StartAsync(fleet);
            await Eventually.TrueAsync(() => writer.Count > 20, "writes");

            // Within the commit window the way back needs no approval.
            var operation = there is null ? await console.RunAsync(FailoverConsole.Request(from, to, planned: true))
                : await console.EndAsync((await console.Get<OperationService>().RollBackAsync(there.Id, "test", Person.Console)).Id);
            await writer.StopAsync();

            TestContext.Current.TestOutputHelper?.WriteLine($"pause {writer.LongestPause.TotalMilliseconds:0} ms; {await console.StoryAsync(operation)}");
            Assert.True(operation.State == OperationState.Succeeded, await console.StoryAsync(operation));
            Assert.Empty(writer.Errors);
            Assert.Empty(await writer.LostAsync(to));
            Assert.Equal(to, operation.Result["newPrimaryRegion"]!.GetValue<string>());
            Assert.Equal(0, operation.Result["lostHeartbeats"]!.GetValue<int>());
            Assert.InRange(writer.LongestPause.TotalSeconds, 0, 10); // a loaded machine; bench/failover holds the figures
            Assert.NotNull(operation.CommitUntil);
            await console.SettledAsync(to);
            if (there is not null) Assert.Null((await console.Get<OperationReader>().GetAsync(there.Id)).CommitUntil); // built upon: committed
            there = operation;
        }
    }

    [Fact]
    public async Task Switchover_TransactionOutlivesTheDrain_ClientsGoOnAndItIsRolledBack()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet, ("Failover:DrainSeconds", "0.3"));
        await console.SettledAsync();
        var (source, target) = (console.Primary, LiveFleet.Regions.First(r => r != console.Primary));
        // The first look at a service may spoil its region for as long as there are few.
        await Eventually.TrueAsync(() => console.Picture.Services.Values.All(s => s.Region != target || s.Status is HealthStatus.Healthy or HealthStatus.Degraded), "the target's services are known to be well", TimeSpan.FromSeconds(60));
        await using var writer = await Writer.StartAsync(fleet);
        await using var idler = new NpgsqlConnection(fleet.WriteEndpoint);
        await idler.OpenAsync();
        await using var transaction = await idler.BeginTransactionAsync();
        await using var command = new NpgsqlCommand("SELECT txid_current()", idler, transaction);
        await command.ExecuteScalarAsync();

        var operation = await console.RunAsync(FailoverConsole.Request(source, target, planned: true));

        Assert.True(operation.State == OperationState.RolledBack, await console.StoryAsync(operation));
        Assert.Contains("Transactions ran on", operation.EndReason, StringComparison.Ordinal);
        await transaction.CommitAsync(); // it was not touched
        var before = writer.Count;
        await Eventually.TrueAsync(() => writer.Count > before + 20, "writes go on");
        Assert.Empty(writer.Errors);
        await console.SettledAsync(source);
    }
}
