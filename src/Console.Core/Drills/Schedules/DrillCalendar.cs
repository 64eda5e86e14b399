using System.Globalization;

namespace OpsConsole.Core.Drills.Schedules;

/// <summary>When a schedule is due. Counts local days, so that each has exactly one occurrence, whatever clocks do. Pure.</summary>
public static class DrillCalendar
{
    /// <summary>The last occurrence at or before a moment.</summary>
    public static DateTimeOffset Previous(ScheduleOptions schedule, TimeZoneInfo zone, DateTimeOffset at)
    {
        var day = Day(zone, at).AddDays(1);
        while (true)
        {
            if (IsDay(schedule, day) && Moment(schedule, zone, day) is var moment && moment <= at) return moment;
            day = day.AddDays(-1);
        }
    }

    /// <summary>The first occurrence after a moment.</summary>
    public static DateTimeOffset Next(ScheduleOptions schedule, TimeZoneInfo zone, DateTimeOffset at)
    {
        var day = Day(zone, at).AddDays(-1);
        while (true)
        {
            if (IsDay(schedule, day) && Moment(schedule, zone, day) is var moment && moment > at) return moment;
            day = day.AddDays(1);
        }
    }

    /// <summary>How long after an occurrence the next one is at the latest.</summary>
    public static TimeSpan Period(Cadence cadence) => TimeSpan.FromDays(cadence switch { Cadence.Daily => 1, Cadence.Weekly => 7, Cadence.Monthly => 31, Cadence.Quarterly => 92, _ => 366 });

    private static DateOnly Day(TimeZoneInfo zone, DateTimeOffset at) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(at, zone).DateTime);

    private static bool IsDay(ScheduleOptions schedule, DateOnly day) => schedule.Every switch
    {
        Cadence.Daily => true,
        Cadence.Weekly => day.DayOfWeek == schedule.DayOfWeek,
        Cadence.Monthly => IsDayOfMonth(schedule, day),
        Cadence.Quarterly => day.Month % 3 == 1 && IsDayOfMonth(schedule, day),
        _ => day.Month == schedule.Month && IsDayOfMonth(schedule, day),
    };

    private static bool IsDayOfMonth(ScheduleOptions schedule, DateOnly day) => day.Day == Math.Min(schedule.DayOfMonth, DateTime.DaysInMonth(day.Year, day.Month));

    private static DateTimeOffset Moment(ScheduleOptions schedule, TimeZoneInfo zone, DateOnly day)
    {
        var local = day.ToDateTime(TimeOnly.ParseExact(schedule.At, "HH:mm", CultureInfo.InvariantCulture));
        while (true)
        {
            if (Instant(zone, local) is { } instant) return instant;
            local = local.AddMinutes(1); // in the hour that is left out: its end
        }
    }

    /// <summary>The first instant at which clocks show this; null: they never do. Held against the way back: zones with negative summer time
    /// (Dublin) are not told right by <see cref="TimeZoneInfo.IsInvalidTime"/>.</summary>
    private static DateTimeOffset? Instant(TimeZoneInfo zone, DateTime local)
    {
        var about = new DateTimeOffset(local, TimeSpan.Zero);
        var offsets = new[] { zone.GetUtcOffset(about.AddDays(-1)), zone.GetUtcOffset(about.AddDays(1)) };
        foreach (var offset in offsets.Distinct().OrderDescending())
        {
            var instant = new DateTimeOffset(local, offset).ToUniversalTime();
            if (TimeZoneInfo.ConvertTime(instant, zone).DateTime == local) return instant;
        }
        return null;
    }
}
