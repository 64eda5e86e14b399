using CsCheck;
using OpsConsole.Core.Health.Telemetry;

namespace OpsConsole.Core.Tests.Health;

public class LogHistogramTests
{
    [Fact]
    public void Percentile_AnyValues_IsWithinTwoPercentOfTheExactOne() => Gen.Select(Gen.Double[0.001, 1e6].Array[1, 300], Gen.Double[1, 100]).Sample((values, percent) =>
    {
        var histogram = new LogHistogram();
        foreach (var value in values)
            histogram.Add(value);
        var exact = values.Order().ElementAt(Math.Max(0, (int)Math.Ceiling(values.Length * percent / 100) - 1));
        Assert.InRange(histogram.Percentile(percent)!.Value, exact * 0.979, exact * 1.021);
    });

    [Fact]
    public void Merge_OfStoredParts_EqualsTheWhole() => Gen.Select(Gen.Double[0, 1e9].Array[0, 100], Gen.Double[0, 1e9].Array[0, 100]).Sample((a, b) =>
    {
        LogHistogram whole = new(), first = new(), second = new(), merged = new();
        foreach (var value in a.Concat(b))
            whole.Add(value);
        foreach (var value in a)
            first.Add(value);
        foreach (var value in b)
            second.Add(value);
        merged.Merge(first.ToBytes());
        merged.Merge(second.ToBytes());
        Assert.Equal(whole.ToBytes(), merged.ToBytes());
        Assert.Equal(whole.Count, merged.Count);
    });

    [Fact]
    public void Clear_AfterUse_LeavesNothing()
    {
        var histogram = new LogHistogram();
        histogram.Add(5);
        histogram.Clear();
        Assert.Empty(histogram.ToBytes());
        Assert.Null(histogram.Percentile(50));
    }
}
