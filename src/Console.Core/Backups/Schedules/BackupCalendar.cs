using System.Globalization;

namespace OpsConsole.Core.Backups.Schedules;

/// <summary>Second: the full backup by the policy's second engine.</summary>
public enum RunPurpose { Full, Second, Incremental, Logical, Configuration, Verify, Expire }

/// <param name="Reason">why then</param>
public sealed record PlannedRun(DateTimeOffset At, RunPurpose Purpose, string Reason);

/// <summary>What the interval of incremental backups is adapted to.</summary>
/// <param name="LogBytesPerHour">null: not known</param>
/// <param name="LogBytesSinceBackup">written since the last backup; null: not known</param>
/// <param name="RestorableAgeSeconds">age of the newest restorable moment; null: nothing can be restored</param>
public sealed record LoadFacts(double? LogBytesPerHour, double? LogBytesSinceBackup, double? RestorableAgeSeconds, double RpoTargetSeconds);

/// <summary>When a policy's runs are due. Pure. Times of day are in the policy's zone: one that a change of clocks leaves out is due when the gap ends, one that comes
/// twice is due the first time.</summary>
public static class BackupCalendar
{
    private const double Megabyte = 1024 * 1024;

    /// <summary>The newest occurrence of a time of day that is not after <paramref name="now"/>.</summary>
    /// <param name="timeOfDay"><c>HH:mm</c></param>
    public static DateTimeOffset Latest(string timeOfDay, TimeZoneInfo zone, DateTimeOffset now)
    {
        var today = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, zone).DateTime);
        for (var day = today.AddDays(1); ; day = day.AddDays(-1))
            if (On(day, timeOfDay, zone) is var at && at <= now) return at;
    }

    /// <summary>The first occurrence after <paramref name="now"/>.</summary>
    public static DateTimeOffset Next(string timeOfDay, TimeZoneInfo zone, DateTimeOffset now)
    {
        var today = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(now, zone).DateTime);
        for (var day = today.AddDays(-1); ; day = day.AddDays(1))
            if (On(day, timeOfDay, zone) is var at && at > now) return at;
    }

    /// <summary>BA-7: half the interval under load, a quarter under heavy load, the shortest when the RPO is at risk, twice it when idle; always within the limits.</summary>
    public static (TimeSpan Interval, string Reason) Interval(BackupPolicyOptions policy, LoadFacts facts)
    {
        var adaptive = policy.Adaptive;
        var usual = policy.IncrementalEveryHours;
        if (!adaptive.Enabled) return (TimeSpan.FromHours(usual), Text($"every {usual:0.##} h"));
        if (facts.RestorableAgeSeconds > facts.RpoTargetSeconds / 2)
            return (TimeSpan.FromHours(adaptive.ShortestHours), Text($"the newest restorable moment is {facts.RestorableAgeSeconds:0} s old, more than half of the RPO target of {facts.RpoTargetSeconds:0} s"));
        var (factor, why) = facts switch
        {
            { LogBytesSinceBackup: { } since } when since > adaptive.BusyMegabytes * Megabyte * 2 => (0.25, Text($"{since / Megabyte:0} MB of log since the last backup")),
            { LogBytesSinceBackup: { } since } when since > adaptive.BusyMegabytes * Megabyte => (0.5, Text($"{since / Megabyte:0} MB of log since the last backup")),
            { LogBytesPerHour: { } rate } when rate < adaptive.IdleMegabytesPerHour * Megabyte => (2.0, Text($"idle: {rate / Megabyte:0.#} MB of log an hour")),
            _ => (1.0, "as usual"),
        };
        var hours = Math.Clamp(usual * factor, adaptive.ShortestHours, Math.Max(adaptive.LongestHours, adaptive.ShortestHours));
        return (TimeSpan.FromHours(hours), Text($"every {hours:0.##} h: {why}"));
    }

    /// <summary>What would run in the next days if the load stayed as it is.</summary>
    /// <param name="lastBackup">end of the newest physical backup; null: none</param>
    public static IReadOnlyList<PlannedRun> Ahead(BackupPolicyOptions policy, TimeZoneInfo zone, DateTimeOffset? lastBackup, LoadFacts facts, DateTimeOffset now, TimeSpan span)
    {
        if (!policy.Scheduled) return [];
        var runs = new List<PlannedRun>();
        for (var at = Next(policy.FullAt, zone, now); at <= now + span; at = Next(policy.FullAt, zone, at)) runs.Add(new PlannedRun(at, RunPurpose.Full, $"daily at {policy.FullAt}"));
        if (policy.SecondEngine.Length > 0) runs.AddRange(runs.ToList().Select(r => new PlannedRun(r.At, RunPurpose.Second, $"after the full one, by {policy.SecondEngine}: one tool's mistake does not lose both")));
        foreach (var (purpose, daily) in new[] { (RunPurpose.Logical, policy.LogicalAt), (RunPurpose.Configuration, policy.ConfigurationAt) })
            if (daily.Length > 0)
                for (var at = Next(daily, zone, now); at <= now + span; at = Next(daily, zone, at)) runs.Add(new PlannedRun(at, purpose, $"daily at {daily}"));
        for (var at = Next(policy.VerifyAt, zone, now); at <= now + span; at = Next(policy.VerifyAt, zone, at))
        {
            runs.Add(new PlannedRun(at, RunPurpose.Verify, $"daily at {policy.VerifyAt}: the newest backup is restored and asked what it holds"));
            runs.Add(new PlannedRun(at, RunPurpose.Expire, "after the proof: what the policy no longer keeps is deleted"));
        }
        var (interval, why) = Interval(policy, facts);
        var fulls = runs.Where(r => r.Purpose == RunPurpose.Full).Select(r => r.At).ToList();
        // An incremental one needs a full one to build on.
        if (lastBackup is null && fulls.Count == 0) return [.. runs.OrderBy(r => r.At).ThenBy(r => r.Purpose)];
        var last = lastBackup ?? fulls[0];
        while (last + interval is var due && due <= now + span)
        {
            var at = due < now ? now : due;
            // A full backup in between counts as one.
            if (fulls.Any(f => f > last && f <= at))
            {
                last = fulls.Last(f => f > last && f <= at);
                continue;
            }
            runs.Add(new PlannedRun(at, RunPurpose.Incremental, why));
            last = at;
        }
        return [.. runs.OrderBy(r => r.At).ThenBy(r => r.Purpose)];
    }

    private static DateTimeOffset On(DateOnly day, string timeOfDay, TimeZoneInfo zone)
    {
        var local = day.ToDateTime(TimeOnly.ParseExact(timeOfDay, "HH:mm", CultureInfo.InvariantCulture), DateTimeKind.Unspecified);
        // The offsets of the day before and the day after are all that there can be; some zones' own rules for gaps are not to be trusted (Dublin's winter time is the exception).
        TimeSpan[] offsets = [zone.GetUtcOffset(local.AddDays(-1)), zone.GetUtcOffset(local.AddDays(1))];
        while (true)
        {
            var moments = offsets.Select(o => new DateTimeOffset(local, o).ToUniversalTime()).Where(at => TimeZoneInfo.ConvertTime(at, zone).DateTime == local).ToList();
            if (moments.Count > 0) return moments.Min();
            local = local.AddMinutes(1);
        }
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
