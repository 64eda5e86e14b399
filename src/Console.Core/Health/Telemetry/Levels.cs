namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Resolutions of stored telemetry, finest first. Each is computed from the one before.</summary>
internal enum Level { Raw, Minute, Hour, Day }

internal static class Levels
{
    public static IReadOnlyList<Level> RolledUp { get; } = [Level.Minute, Level.Hour, Level.Day];

    /// <summary>Table of a roll-up, and the word for it.</summary>
    public static string Name(this Level level) => level switch
    {
        Level.Minute => "minute",
        Level.Hour => "hour",
        Level.Day => "day",
        _ => "raw",
    };

    public static TimeSpan Length(this Level level) => level switch
    {
        Level.Minute => TimeSpan.FromMinutes(1),
        Level.Hour => TimeSpan.FromHours(1),
        Level.Day => TimeSpan.FromDays(1),
        _ => TimeSpan.FromSeconds(1),
    };

    public static DateTime Floor(this Level level, DateTime at) => new(at.Ticks - at.Ticks % level.Length().Ticks, DateTimeKind.Utc);
}
