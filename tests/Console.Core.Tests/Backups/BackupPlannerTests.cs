using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Backups;

public sealed class BackupPlannerTests
{
    [Theory]
    [InlineData("eu", "", CheckVerdict.Passed)]
    [InlineData("us", "", CheckVerdict.Blocking)]
    [InlineData("us", "contract clauses of 2026-01-05", CheckVerdict.Passed)]
    public async Task Preflight_RepositoryOfAnotherZone_NeedsTheBasisOfTheTransfer(string zone, string basis, CheckVerdict verdict)
    {
        var repository = new BackupRepositoryOptions { Id = "store", Region = "here", ComplianceZones = [zone] };
        if (basis.Length > 0) repository.TransferBasis["orders"] = basis;
        var fleet = new FleetModel(new FleetOptions
        {
            Regions = [new RegionOptions { Id = "here" }],
            Clusters = [new ClusterOptions { Id = "orders", PrimaryRegion = "here", ComplianceZones = ["EU"], Nodes = [new ClusterNodeOptions { Region = "here" }] }],
            BackupRepositories = [repository],
        });
        var planner = new BackupPlanner(fleet, new BackupsOptions(), new BackupEngineRegistry([new BackupWorld()]), new EmptyFeed());

        var plan = await planner.PlanAsync(new() { ["cluster"] = "orders", ["type"] = "full" }, default);
        var zones = (await planner.PreflightAsync(plan, default)).Checks.Single(c => c.Id == "zones");

        Assert.Equal(verdict, zones.Verdict);
        if (verdict == CheckVerdict.Blocking) Assert.Contains("Fleet:BackupRepositories:N:TransferBasis:orders", zones.Message, StringComparison.Ordinal);
    }

    private sealed class EmptyFeed : IFleetFeed
    {
        public FleetSnapshot Current => FleetSnapshot.Empty;
        public FleetSubscription Subscribe() => throw new InvalidOperationException("Nobody follows in these tests.");
    }
}
