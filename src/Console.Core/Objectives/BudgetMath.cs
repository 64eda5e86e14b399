using OpsConsole.Core.Health;

namespace OpsConsole.Core.Objectives;

/// <summary>OB-4: error budgets from stored availability.</summary>
public static class BudgetMath
{
    /// <summary>A month is counted as 730 h.</summary>
    public const double MonthSeconds = 730 * 3600;

    /// <summary>How often availability is recorded.</summary>
    public static readonly TimeSpan RecordEvery = TimeSpan.FromSeconds(5);

    public static IReadOnlyList<(string Name, double TargetPercent)> Targets { get; } =
        [(AvailabilityRule.Database, 99.99), (AvailabilityRule.Application, 99.95), (AvailabilityRule.System, 99.9)];

    /// <summary>First moment of the calendar month of <paramref name="now"/> (UTC), and of the next.</summary>
    public static (DateTimeOffset From, DateTimeOffset To) Month(DateTimeOffset now)
    {
        var from = new DateTimeOffset(now.UtcDateTime.Year, now.UtcDateTime.Month, 1, 0, 0, 0, TimeSpan.Zero);
        return (from, from.AddMonths(1));
    }

    /// <param name="points">of the month so far; the value is the share of samples that were up</param>
    public static ErrorBudget Of(string name, double targetPercent, IReadOnlyList<HistoryPoint> points, DateTimeOffset now)
    {
        var (from, to) = Month(now);
        var every = RecordEvery.TotalSeconds;
        var covered = points.Sum(p => p.Value is null ? 0 : p.Count * every);
        var used = points.Sum(p => p.Value is { } up ? (1 - Math.Clamp(up, 0, 1)) * p.Count * every : 0);
        var elapsed = Math.Max(1, (now - from).TotalSeconds);
        return new ErrorBudget(name, targetPercent, (1 - (targetPercent / 100)) * MonthSeconds, used, Math.Min(100, 100 * covered / elapsed), from, to);
    }
}
