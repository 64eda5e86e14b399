using OpsConsole.Core.Backups;

namespace OpsConsole.Core.Tests.Backups;

public sealed class BaselineTests
{
    private static readonly BaselineOptions Usual = new();

    [Theory]
    [InlineData(100, 3600, false)]
    [InlineData(100, 3601, true)]
    [InlineData(10, 361, true)]
    [InlineData(0.1, 119, false)] // a small one has a minute
    [InlineData(0.1, 121, true)]
    public void Deviation_FullBackup_IsSaidAboveTwiceTheScaledBaseline(double gigabytes, double took, bool said) =>
        Assert.Equal(said, Baseline.Deviation("The full backup", took, Usual.FullSeconds, (long)(gigabytes * 1e9), Usual) is not null);

    [Fact]
    public void Deviation_Words_NameBothTimes()
    {
        var words = Baseline.Deviation("The restore", 100, 10, 100_000_000_000, new BaselineOptions { LeastSeconds = 1, Factor = 3 })!;
        Assert.Contains("The restore of 100 GB took 100 s; by the baseline 10 s, and more than 3 times", words, StringComparison.Ordinal);
    }
}
