using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups;

/// <summary>Every mistake of the section at once, each with its path and how to mend it.</summary>
internal sealed class BackupsOptionsValidator(FleetModel fleet) : IValidateOptions<BackupsOptions>
{
    public ValidateOptionsResult Validate(string? name, BackupsOptions options)
    {
        var mistakes = Mistakes(options).ToList();
        return mistakes.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(mistakes);
    }

    private IEnumerable<string> Mistakes(BackupsOptions options)
    {
        const string At = BackupsOptions.Section;
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(options.TimeZone, out _)) yield return $"{At}:TimeZone '{options.TimeZone}' is unknown. Give an IANA name such as Europe/Dublin, or UTC.";
        if (options.WatchSeconds is < 1 or > 60) yield return $"{At}:WatchSeconds {options.WatchSeconds} is not between 1 and 60.";
        var repositories = fleet.Options.BackupRepositories.Select(r => r.Id).ToHashSet();
        foreach (var (use, i) in options.PgBackRest.Select((u, i) => (u, i)))
        {
            var path = $"{At}:PgBackRest:{i}";
            foreach (var m in Annotated(use, path).Concat(Cluster(use.Cluster, path))) yield return m;
            if (use.Repositories.Count == 0) yield return $"{path}:Repositories is empty. Map pgBackRest's repository numbers to declared repositories: {{ \"1\": \"ID\" }}.";
            foreach (var unknown in use.Repositories.Where(r => !repositories.Contains(r.Value))) yield return $"{path}:Repositories:{unknown.Key} names '{unknown.Value}', which Fleet:BackupRepositories does not declare.";
        }
        foreach (var (section, what, uses) in new[]
        {
            ("PgDump", "dumps are", options.PgDump.Select(u => (Use: (object)u, u.Cluster, u.Repositories)).ToList()),
            ("Configuration", "configurations are", options.Configuration.Select(u => (Use: (object)u, u.Cluster, u.Repositories)).ToList()),
        })
        {
            foreach (var (use, i) in uses.Select((u, i) => (u, i)))
            {
                var path = $"{At}:{section}:{i}";
                foreach (var m in Annotated(use.Use, path).Concat(Cluster(use.Cluster, path))) yield return m;
                if (use.Repositories.Count == 0) yield return $"{path}:Repositories is empty. List ids of declared repositories.";
                foreach (var unknown in use.Repositories.Where(r => !repositories.Contains(r))) yield return $"{path}:Repositories names '{unknown}', which Fleet:BackupRepositories does not declare.";
                if (fleet.Options.BackupKeys.Count == 0) yield return $"{path}: {what} stored encrypted, and Fleet:BackupKeys is empty. Declare a key.";
            }
            foreach (var twin in uses.GroupBy(u => u.Cluster).Where(g => g.Count() > 1)) yield return $"{At}:{section} lists '{twin.Key}' twice. Keep one.";
        }
        foreach (var (place, i) in options.Places.Select((p, i) => (p, i)))
        {
            foreach (var m in Annotated(place, $"{At}:Places:{i}")) yield return m;
            if (!fleet.Regions.ContainsKey(place.Region)) yield return $"{At}:Places:{i}:Region '{place.Region}' is not declared. Known: {string.Join(", ", fleet.Regions.Keys.Order(StringComparer.Ordinal))}.";
        }
        foreach (var twin in options.Places.GroupBy(p => (p.Region, p.Port)).Where(g => g.Count() > 1)) yield return $"{At}:Places lists port {twin.Key.Port} of {twin.Key.Region} twice.";
        foreach (var (policy, i) in options.Policies.Select((p, i) => (p, i)))
        {
            foreach (var m in Policy(policy, $"{At}:Policies:{i}")) yield return m;
            if (policy.Scheduled && fleet.Clusters.ContainsKey(policy.Cluster))
                foreach (var m in Engines(policy, options, $"{At}:Policies:{i}")) yield return m;
            if (policy.LogicalAt.Length > 0 && !options.PgDump.Exists(u => u.Cluster == policy.Cluster)) yield return $"{At}:Policies:{i}:LogicalAt is given, but {At}:PgDump does not list '{policy.Cluster}'. Declare it there, or leave LogicalAt empty.";
        }
        foreach (var twin in options.Policies.GroupBy(p => p.Cluster).Where(g => g.Count() > 1)) yield return $"{At}:Policies has two policies for '{twin.Key}'. Keep one.";
    }

    private IEnumerable<string> Policy(BackupPolicyOptions policy, string path)
    {
        foreach (var m in Annotated(policy, path).Concat(Cluster(policy.Cluster, path)).Concat(Annotated(policy.Adaptive, $"{path}:Adaptive")).Concat(Annotated(policy.Baseline, $"{path}:Baseline")).Concat(Annotated(policy.Retention, $"{path}:Retention"))) yield return m;
        if (policy.Adaptive.ShortestHours > policy.Adaptive.LongestHours) yield return $"{path}:Adaptive:ShortestHours is longer than LongestHours.";
        var keep = policy.Retention;
        if (keep.Days is null && keep.Daily + keep.Weekly + keep.Monthly == 0) yield return $"{path}:Retention keeps nothing. Give Daily, Weekly or Monthly a positive count, or Days.";
        if (keep.Days is { } days && days < policy.WindowDays) yield return $"{path}:Retention:Days {days} is less than WindowDays {policy.WindowDays}: a moment within the window needs a backup before it. Keep at least as many days as the window has.";
        if (keep.Days is null && keep.Daily < policy.WindowDays && keep.Daily > 0 && keep.Weekly == 0 && keep.Monthly == 0) yield return $"{path}:Retention keeps {keep.Daily} days, but the window has {policy.WindowDays}. Raise Daily or lower WindowDays.";
        foreach (var (query, i) in policy.Queries.Select((q, i) => (q, i)))
            foreach (var m in Annotated(query, $"{path}:Queries:{i}")) yield return m;
    }

    private IEnumerable<string> Engines(BackupPolicyOptions policy, BackupsOptions options, string path)
    {
        if (Engine(policy.Engine, policy.Cluster, options) is { } wrong) yield return $"{path}:Engine {wrong}";
        if (policy.SecondEngine.Length == 0) yield break;
        if (policy.SecondEngine == policy.Engine) yield return $"{path}:SecondEngine is the first one again. Name another, or leave it empty.";
        else if (Engine(policy.SecondEngine, policy.Cluster, options) is { } second) yield return $"{path}:SecondEngine {second}";
    }

    /// <returns>why it cannot take the scheduled full backups of the cluster; null: it can</returns>
    private string? Engine(string engine, string cluster, BackupsOptions options) => engine switch
    {
        BackupEngines.PgBackRest => options.PgBackRest.Exists(u => u.Cluster == cluster) ? null : $"'{engine}' is not set up for '{cluster}'. List the cluster under Backups:PgBackRest, name another engine, or set Scheduled to false.",
        BackupEngines.Streaming => fleet.Options.BackupKeys.Count > 0 && fleet.Options.BackupRepositories.Exists(r => r.Streaming && RepositoryZones.MayHold(r, fleet.Clusters[cluster])) ? null
            : $"'{engine}' is not set up for '{cluster}'. Declare Fleet:BackupKeys and, in a compliance zone of the cluster, a repository with Streaming, name another engine, or set Scheduled to false.",
        BackupEngines.Configuration => $"'{engine}' takes no data. Name {BackupEngines.PgBackRest} or {BackupEngines.Streaming} here.",
        BackupEngines.PgDump => $"'{engine}' takes dumps, not full backups. Give LogicalAt for a daily dump, and name {BackupEngines.PgBackRest} or {BackupEngines.Streaming} here.",
        _ => $"'{engine}' is unknown. Known: {BackupEngines.PgBackRest}, {BackupEngines.Streaming}.",
    };

    private IEnumerable<string> Cluster(string id, string path)
    {
        if (!fleet.Clusters.ContainsKey(id)) yield return $"{path}:Cluster '{id}' is not declared. Known: {string.Join(", ", fleet.Clusters.Keys.Order(StringComparer.Ordinal))}.";
    }

    private static IEnumerable<string> Annotated(object options, string path)
    {
        var found = new List<ValidationResult>();
        Validator.TryValidateObject(options, new ValidationContext(options), found, validateAllProperties: true);
        return found.Select(r => $"{path}:{string.Join(",", r.MemberNames)}: {r.ErrorMessage}");
    }
}
