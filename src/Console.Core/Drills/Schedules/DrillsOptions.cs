using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drills.Schedules;

public enum Cadence { Daily, Weekly, Monthly, Quarterly, Annual }

/// <summary>Configuration section <c>Drills</c>.</summary>
public sealed class DrillsOptions
{
    public const string Section = "Drills";

    /// <summary>Off: nothing begins by itself.</summary>
    public bool Scheduled { get; set; } = true;
    /// <summary>What disturbs something begins by itself in production only with this: a standing approval of whoever writes the configuration.</summary>
    public bool DisturbProduction { get; set; }
    /// <summary>How long each experiment that is part of a drill lasts. 2 to 3,600 s.</summary>
    [Range(2, 3600)] public double ExperimentSeconds { get; set; } = 10;
    /// <summary>IANA name, such as Europe/Dublin, for schedules that name none.</summary>
    [Required] public string TimeZone { get; set; } = "UTC";
    /// <summary>Null: the calendar of DR-3.</summary>
    public List<ScheduleOptions>? Calendar { get; set; }

    /// <summary>Weekly readiness by a smoke drill and a database failover; monthly the full suite and infrastructure experiments; quarterly a region cut
    /// off, and a reminder to review the runbooks; once a year the complete drill. Daily proofs of backups belong to the backups' own policies.</summary>
    public IReadOnlyList<ScheduleOptions> Schedules => Calendar ??
    [
        new() { Id = "weekly-smoke", What = "drill:smoke", Every = Cadence.Weekly, DayOfWeek = DayOfWeek.Sunday, At = "03:00" },
        new() { Id = "weekly-database-failover", What = "drill:databaseFailover", Every = Cadence.Weekly, DayOfWeek = DayOfWeek.Sunday, At = "03:30" },
        new() { Id = "monthly-full", What = "drill:full", Every = Cadence.Monthly, DayOfMonth = 1, At = "04:00" },
        new() { Id = "monthly-host-cpu", What = "experiment:host-cpu", Every = Cadence.Monthly, DayOfMonth = 8, At = "03:00" },
        new() { Id = "monthly-service-kill", What = "experiment:service-kill", Every = Cadence.Monthly, DayOfMonth = 8, At = "03:30" },
        new() { Id = "quarterly-region", What = "experiment:region-cut-off", Every = Cadence.Quarterly, DayOfMonth = 15, At = "03:00" },
        new() { Id = "quarterly-compliance", What = "drill:compliance", Every = Cadence.Quarterly, DayOfMonth = 16, At = "03:00" },
        new() { Id = "quarterly-runbooks", What = "reminder:Review the runbooks", Every = Cadence.Quarterly, DayOfMonth = 1, At = "09:00" },
        new() { Id = "annual-complete", What = "drill:full", Every = Cadence.Annual, Month = 3, DayOfMonth = 20, At = "03:00", WindowMinutes = 480 },
    ];
}

/// <summary>Something that begins by itself.</summary>
public sealed class ScheduleOptions
{
    [Required] public string Id { get; set; } = "";
    /// <summary><c>drill:SUITE</c>, <c>experiment:ID</c>, or <c>reminder:TEXT</c>, which only tells people.</summary>
    [Required] public string What { get; set; } = "";
    public Cadence Every { get; set; } = Cadence.Weekly;
    public DayOfWeek DayOfWeek { get; set; } = DayOfWeek.Sunday;
    /// <summary>1 to 31; in a shorter month its last day.</summary>
    [Range(1, 31)] public int DayOfMonth { get; set; } = 1;
    /// <summary>Of an annual one. 1 to 12.</summary>
    [Range(1, 12)] public int Month { get; set; } = 1;
    /// <summary>Local time, HH:mm. One that does not exist on a day (clocks go forward) is the first that does; one that comes twice is the first.</summary>
    [Required] public string At { get; set; } = "03:00";
    /// <summary>It may begin until so long afterwards; then it is missed. 1 to 1,440 min.</summary>
    [Range(1, 1440)] public double WindowMinutes { get; set; } = 120;
    /// <summary>IANA name; empty: that of the section.</summary>
    public string TimeZone { get; set; } = "";
    /// <summary>Pair of a drill; empty: the primary's region and the next one.</summary>
    public string Source { get; set; } = "";
    public string Target { get; set; } = "";
}

/// <summary>All mistakes at once.</summary>
internal sealed class DrillsOptionsValidator(FleetModel fleet, ExperimentLibrary library) : IValidateOptions<DrillsOptions>
{
    public ValidateOptionsResult Validate(string? name, DrillsOptions options)
    {
        var mistakes = Mistakes(options).Select(m => $"{DrillsOptions.Section}: {m}").ToList();
        return mistakes.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(mistakes);
    }

    private IEnumerable<string> Mistakes(DrillsOptions options)
    {
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(options.TimeZone, out _)) yield return $"TimeZone '{options.TimeZone}' is unknown: give an IANA name such as Europe/Dublin.";
        if (options.ExperimentSeconds is < 2 or > 3600) yield return $"ExperimentSeconds is {options.ExperimentSeconds}: give 2 to 3600.";
        foreach (var twice in options.Schedules.GroupBy(s => s.Id).Where(g => g.Count() > 1)) yield return $"Calendar: two schedules are called '{twice.Key}'.";
        foreach (var schedule in options.Schedules)
        {
            var results = new List<ValidationResult>();
            Validator.TryValidateObject(schedule, new ValidationContext(schedule), results, validateAllProperties: true);
            foreach (var result in results) yield return $"Calendar:{schedule.Id}: {result.ErrorMessage}";
            if (!TimeOnly.TryParseExact(schedule.At, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out _)) yield return $"Calendar:{schedule.Id}: At '{schedule.At}' is no time: write HH:mm.";
            if (schedule.TimeZone.Length > 0 && !TimeZoneInfo.TryFindSystemTimeZoneById(schedule.TimeZone, out _)) yield return $"Calendar:{schedule.Id}: TimeZone '{schedule.TimeZone}' is unknown.";
            if (!Knows(schedule.What)) yield return $"Calendar:{schedule.Id}: '{schedule.What}' is neither drill:SUITE nor experiment:ID nor reminder:TEXT.";
            foreach (var region in new[] { schedule.Source, schedule.Target }.Where(r => r.Length > 0 && !fleet.Regions.ContainsKey(r))) yield return $"Calendar:{schedule.Id}: '{region}' is no declared region.";
        }
    }

    private bool Knows(string what) => what.Split(':', 2) switch
    {
        ["drill", var suite] => DrillSuites.Parse(suite) is not null,
        ["experiment", var id] => library.Find(id) is not null,
        [ScheduleRunner.Reminder, var text] => text.Trim().Length > 0,
        _ => false,
    };
}
