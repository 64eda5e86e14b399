using OpsConsole.Core.Live;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Which stored resolution answers a question, and how wide its points are. Pure.</summary>
/// <param name="Level">the coarsest level read; what it does not yet hold comes from finer ones</param>
/// <param name="Bucket">width of a point</param>
internal readonly record struct HistoryPlan(Level Level, TimeSpan Bucket)
{
    private const int RowsPerPoint = 15;
    private const int MostRows = 150_000;

    private static readonly int[] Seconds =
        [1, 2, 5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

    public static HistoryPlan For(DateTimeOffset from, DateTimeOffset to, int maxPoints, int series, DateTimeOffset now, ObservationOptions options)
    {
        var span = to - from;
        var wanted = Seconds.FirstOrDefault(s => span.TotalSeconds / s <= maxPoints, Seconds[^1]);
        foreach (var level in (Level[])[Level.Raw, Level.Minute, Level.Hour])
        {
            var rows = span / level.Length();
            if (rows <= (double)maxPoints * RowsPerPoint && rows * series <= MostRows && now - from <= Kept(level, options))
                return new HistoryPlan(level, TimeSpan.FromSeconds(Math.Max(wanted, level.Length().TotalSeconds)));
        }
        return new HistoryPlan(Level.Day, TimeSpan.FromSeconds(Math.Max(wanted, 86_400)));
    }

    public DateTime Floor(DateTime at) => new(at.Ticks - at.Ticks % Bucket.Ticks, DateTimeKind.Utc);

    private static TimeSpan Kept(Level level, ObservationOptions options) => TimeSpan.FromDays(level switch
    {
        Level.Raw => options.RawDays,
        Level.Minute => options.MinuteDays,
        _ => options.HourDays,
    });
}
