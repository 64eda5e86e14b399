using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Core.Fleet.Versions;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Fleet;

public sealed class FleetVersionsTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 5, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task Record_ChangedFleet_KeepsAuthorAndDifference()
    {
        await using var database = await TestDatabase.CreateAsync(FleetDb.ConsoleSchema);
        var versions = new FleetVersions(database.Console, _time);
        var first = await versions.RecordAsync(Fleet(""), "ann", TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromHours(2));

        var second = await versions.RecordAsync(Fleet("Regions:0:CapacityRps=900;;Clusters:0:Password=\"another-secret\";;-BackupRepositories:0"), "bob", TestContext.Current.CancellationToken);

        Assert.Equal(1, first!.Number);
        Assert.Equal((2, "bob"), (second!.Number, second.Author));
        Assert.Contains(new FleetDifference("Regions:us-east-1:CapacityRps", "500", "900"), second.Differences);
        Assert.Contains(new FleetDifference("BackupRepositories:store:Bucket", "backups", null), second.Differences);
        Assert.DoesNotContain(second.Differences, d => d.Path.Contains("Password", StringComparison.Ordinal));
        Assert.Equal([2, 1], (await versions.ListAsync(null, 10, TestContext.Current.CancellationToken)).Select(v => v.Number));
        var change = Assert.Single(await new FleetChanges(versions).ReadAsync(_time.GetUtcNow().AddHours(-1), 10, TestContext.Current.CancellationToken));
        Assert.Equal(("configuration", "bob"), (change.Kind, change.By));
    }

    [Fact]
    public async Task Record_SameFleet_NothingNew()
    {
        await using var database = await TestDatabase.CreateAsync(FleetDb.ConsoleSchema);
        var versions = new FleetVersions(database.Console, _time);
        await versions.RecordAsync(Fleet(""), "ann", TestContext.Current.CancellationToken);

        Assert.Null(await versions.RecordAsync(Fleet(""), "bob", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Record_TwoConsolesAtOnce_OneVersion()
    {
        await using var database = await TestDatabase.CreateAsync(FleetDb.ConsoleSchema);
        var versions = new FleetVersions(database.Console, _time);

        var recorded = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => versions.RecordAsync(Fleet(""), "ann", TestContext.Current.CancellationToken)));

        Assert.Single(recorded, v => v is not null);
    }

    [Fact]
    public void Canonical_Secrets_AreNotInIt()
    {
        var document = FleetDocument.Canonical(Fleet(""));

        Assert.DoesNotContain("-password", document);
        Assert.DoesNotContain("secret-key", document);
        Assert.Contains("\"Clusters:orders:Password\":\"(set)\"", document);
    }

    [Fact]
    public void Compare_InsertedRegion_DoesNotMoveTheOthers()
    {
        var before = FleetDocument.Canonical(Fleet("-Regions:1"));
        var after = FleetDocument.Canonical(Fleet(""));

        Assert.All(FleetDocument.Compare(before, after), d => Assert.StartsWith("Regions:us-west-2:", d.Path));
    }

    private static FleetOptions Fleet(string change) => FleetConfiguration.Read(BentFleet.Configuration(change)).Options;
}
