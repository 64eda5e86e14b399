using System.Globalization;

namespace OpsConsole.Core.Backups;

/// <param name="Reason">why it is kept, or why it goes</param>
public sealed record RetentionDecision(Backup Backup, bool Keep, string Reason);

/// <summary>BA-5, pure: which backups a policy keeps. Grandfather-father-son keeps the newest of each of the last so many days, weeks and months that have one;
/// fixed days keep everything of the last so many days. Whatever the policy: held ones stay, the newest good one, the last proven one, what is needed for any moment of
/// the recovery window, and every backup that a kept one needs.</summary>
public static class Retention
{
    /// <summary>What failed is kept so long: whoever wants to know why has it to look at.</summary>
    public static readonly TimeSpan FailedStays = TimeSpan.FromDays(7);

    /// <param name="zone">in which days, weeks and months begin</param>
    /// <param name="lockedUntil">until when its stores refuse to delete a backup (<see cref="Stores.ObjectLocks"/>); null: nothing locks it</param>
    public static IReadOnlyList<RetentionDecision> Decide(IReadOnlyList<Backup> backups, BackupPolicyOptions policy, TimeZoneInfo zone, DateTimeOffset now, Func<Backup, DateTimeOffset?>? lockedUntil = null)
    {
        var living = backups.Where(b => b.State != BackupState.Expired).OrderByDescending(b => b.EndedAt).ThenByDescending(b => b.Id).ToList();
        var kept = new Dictionary<Guid, string>();
        foreach (var backup in living.Where(b => b.Hold is not null)) kept[backup.Id] = $"held by {backup.Hold!.By}: {backup.Hold.Reason}";

        var good = living.Where(b => b.IsUsable).ToList();
        foreach (var (backup, why) in Always(good, policy, now).Concat(policy.Retention.Days is { } days ? Fixed(good, days, now) : Generations(good, policy.Retention, zone)))
            kept.TryAdd(backup.Id, why);
        // What cannot be deleted is not struck from the catalogue either: it is there, and can be restored.
        foreach (var backup in living)
            if (lockedUntil?.Invoke(backup) is { } until && until > now) kept.TryAdd(backup.Id, $"kept by object lock until {until.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)}Z");
        foreach (var backup in living.Where(b => b.State == BackupState.Failed && now - b.EndedAt < FailedStays)) kept.TryAdd(backup.Id, $"failed; kept for {FailedStays.TotalDays:0} days for somebody to look at");
        KeepNeeded(living, kept);

        return [.. living.Select(b => kept.TryGetValue(b.Id, out var why) ? new RetentionDecision(b, true, why) : new RetentionDecision(b, false, Gone(b, policy.Retention)))];
    }

    private static IEnumerable<(Backup, string)> Always(List<Backup> good, BackupPolicyOptions policy, DateTimeOffset now)
    {
        // Of data and of configuration: neither stands in for the other.
        foreach (var kind in good.GroupBy(b => b.Type == BackupType.Configuration)) yield return (kind.First(), "the newest");
        // The newest proof counts, and the newest proven backup.
        if (good.Where(b => b.State == BackupState.Proven).MaxBy(b => b.EndedAt) is { } proven) yield return (proven, "the last proven one");
        if (good.Where(b => b.State == BackupState.Proven).MaxBy(b => b.ProvenAt) is { } latest) yield return (latest, "the last proven one");
        var physical = good.Where(b => b.Type.IsPhysical()).ToList();
        var begins = now - TimeSpan.FromDays(policy.WindowDays);
        foreach (var engine in physical.GroupBy(b => b.Engine))
        {
            // Any moment of the window is reached from the last backup before it.
            foreach (var inside in engine.Where(b => b.EndedAt >= begins)) yield return (inside, $"within the recovery window of {policy.WindowDays:0.#} days");
            if (engine.Where(b => b.EndedAt < begins).MaxBy(b => b.EndedAt) is { } before) yield return (before, "begins the recovery window");
        }
    }

    private static IEnumerable<(Backup, string)> Fixed(List<Backup> good, int days, DateTimeOffset now) =>
        good.Where(b => b.EndedAt >= now.AddDays(-days)).Select(b => (b, $"younger than {days} days"));

    private static IEnumerable<(Backup, string)> Generations(List<Backup> good, RetentionOptions keep, TimeZoneInfo zone)
    {
        // Newest first: the first of each day, week or month is its newest. An incremental one stands for nothing that its base would not.
        var whole = good.Where(b => b.Type != BackupType.Incremental).ToList();
        DateTime Local(Backup b) => TimeZoneInfo.ConvertTime(b.EndedAt, zone).DateTime;
        return Newest(whole, keep.Daily, b => Local(b).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), "day")
            .Concat(Newest(whole, keep.Weekly, b => $"{ISOWeek.GetYear(Local(b))}-W{ISOWeek.GetWeekOfYear(Local(b)):00}", "week"))
            .Concat(Newest(whole, keep.Monthly, b => Local(b).ToString("yyyy-MM", CultureInfo.InvariantCulture), "month"));
    }

    private static IEnumerable<(Backup, string)> Newest(List<Backup> newestFirst, int count, Func<Backup, string> period, string word) =>
        newestFirst.GroupBy(b => (b.Engine, b.Type.IsPhysical())).SelectMany(g => g.GroupBy(period).Take(count).Select(p => (p.First(), $"the newest of the {word} {p.Key}")));

    private static void KeepNeeded(List<Backup> living, Dictionary<Guid, string> kept)
    {
        var all = living.ToDictionary(b => b.Id);
        foreach (var backup in living.Where(b => kept.ContainsKey(b.Id)).ToList())
        {
            for (var needed = backup.BaseId; needed is { } id && all.TryGetValue(id, out var found) && kept.TryAdd(id, $"needed by the backup of {backup.EndedAt.UtcDateTime:yyyy-MM-dd HH:mm}Z"); needed = found.BaseId) ;
        }
    }

    private static string Gone(Backup backup, RetentionOptions keep) => !backup.State.IsUsable() ? "it failed" : !backup.IsUsable ? "its base failed"
        : keep.Days is { } days ? $"older than {days} days" : string.Create(CultureInfo.InvariantCulture, $"beyond {keep.Daily} daily, {keep.Weekly} weekly and {keep.Monthly} monthly ones");
}
