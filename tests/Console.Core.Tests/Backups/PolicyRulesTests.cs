using OpsConsole.Core.Backups;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>A policy that cannot be kept is refused when the console starts: all mistakes at once, each with where it stands and how to mend it.</summary>
public sealed class PolicyRulesTests
{
    private static readonly FleetModel Fleet = new(new FleetOptions
    {
        Regions = [new RegionOptions { Id = "us" }],
        BackupRepositories = [new BackupRepositoryOptions { Id = "store", Region = "us" }],
        Clusters = [new ClusterOptions { Id = "orders", PrimaryRegion = "us", Nodes = [new ClusterNodeOptions { Region = "us" }] }],
    });

    [Fact]
    public void Validate_UsualPolicy_Passes() => Assert.Empty(Mistakes(_ => { }));

    [Theory]
    [InlineData(0, 0, 0, null, 7, "Retention keeps nothing. Give Daily, Weekly or Monthly a positive count, or Days.")]
    [InlineData(0, 0, 0, 3, 7, "Retention:Days 3 is less than WindowDays 7")]
    [InlineData(5, 0, 0, null, 7, "Retention keeps 5 days, but the window has 7. Raise Daily or lower WindowDays.")]
    [InlineData(7, 0, 0, null, 401, "WindowDays")]
    [InlineData(-1, 4, 12, null, 7, "Retention:Daily")]
    public void Validate_ImpossibleRetention_SaysWhatAndHowToMendIt(int daily, int weekly, int monthly, int? days, double window, string words)
    {
        var mistakes = Mistakes(policy =>
        {
            policy.WindowDays = window;
            policy.Retention = new RetentionOptions { Daily = daily, Weekly = weekly, Monthly = monthly, Days = days };
        });
        Assert.Contains(mistakes, m => m.StartsWith("Backups:Policies:0:", StringComparison.Ordinal) && m.Contains(words, StringComparison.Ordinal));
    }

    [Fact]
    public void Validate_SeveralMistakes_AreSaidAtOnce()
    {
        var mistakes = Mistakes(policy =>
        {
            policy.Cluster = "shop";
            policy.FullAt = "26:00";
            policy.WriteLatencyMilliseconds = -1;
            policy.Adaptive = new AdaptiveOptions { ShortestHours = 12, LongestHours = 2 };
        });
        foreach (var words in new[] { "Cluster 'shop' is not declared. Known: orders.", "FullAt", "WriteLatencyMilliseconds", "ShortestHours is longer than LongestHours" })
            Assert.Contains(mistakes, m => m.Contains(words, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("pgbackrest", "", null)]
    [InlineData("barman", "", "Engine 'barman' is unknown. Known: pgbackrest, streaming.")]
    [InlineData("streaming", "", "Engine 'streaming' is not set up for 'orders'. Declare Fleet:BackupKeys")]
    [InlineData("pgdump", "", "Engine 'pgdump' takes dumps, not full backups.")]
    [InlineData("pgbackrest", "pgbackrest", "SecondEngine is the first one again.")]
    [InlineData("pgbackrest", "streaming", "SecondEngine 'streaming' is not set up for 'orders'.")]
    [InlineData("pgbackrest", "pgdump", "SecondEngine 'pgdump' takes dumps")]
    public void Validate_EngineThatCannotTakeTheBackups_SaysWhatAndHowToMendIt(string engine, string second, string? words)
    {
        var mistakes = Mistakes(policy => (policy.Engine, policy.SecondEngine) = (engine, second));
        if (words is null) Assert.Empty(mistakes);
        else Assert.Contains($"Backups:Policies:0:{words}", Assert.Single(mistakes), StringComparison.Ordinal);
        Assert.Empty(Mistakes(policy => (policy.Engine, policy.SecondEngine, policy.Scheduled) = (engine, second, false)));
    }

    private static IReadOnlyList<string> Mistakes(Action<BackupPolicyOptions> change)
    {
        var policy = new BackupPolicyOptions { Cluster = "orders" };
        change(policy);
        return [.. new BackupsOptionsValidator(Fleet).Validate(null, new BackupsOptions { Policies = [policy], PgBackRest = [new() { Cluster = "orders", Stanza = "orders", Repositories = { [1] = "store" } }] }).Failures ?? []];
    }
}
