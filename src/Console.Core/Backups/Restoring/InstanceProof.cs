using System.Globalization;
using Npgsql;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Backups.Restoring;

/// <param name="Answer">what was found, in words</param>
public sealed record Finding(string Name, bool Passed, string Answer);

/// <summary>What is asked of a restored instance: is everything readable, does it reach the moment that it should, does it hold the rows that the living
/// database has of that time, and do the policy's own queries give their answers.</summary>
public sealed class InstanceProof(FleetModel fleet, BackupsOptions options, Instances instances, IFleetFeed feed)
{
    /// <summary>Heartbeats may be this much older than the backup's end: their interval, and what a busy machine adds.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(15);

    public async Task<IReadOnlyList<Finding>> InspectAsync(Backup backup, InstancePlace place, Func<double, string, Task> progress, CancellationToken cancel)
    {
        var findings = new List<Finding>();
        await progress(10, "pg_amcheck");
        var wrong = await instances.CheckAsync(place, cancel);
        findings.Add(new Finding("pg_amcheck", wrong.Length == 0, wrong.Length == 0 ? "every table and index is in order" : wrong));
        await using var restored = await instances.OpenAsync(backup.Cluster, place, cancel);
        await progress(60, "rows against the living database");
        if (fleet.Clusters[backup.Cluster].Heartbeat.Enabled && await NewestHeartbeatAsync(restored, cancel) is { } newest)
        {
            findings.Add(new Finding("newest heartbeat", newest >= backup.StartedAt - Slack, $"of {newest.UtcDateTime:yyyy-MM-dd HH:mm:ss.fff}Z; the backup began {backup.StartedAt.UtcDateTime:HH:mm:ss}Z"));
            findings.Add(await CompareAsync(backup.Cluster, restored, newest, cancel));
        }
        findings.AddRange(await AskAllAsync(backup.Cluster, restored, progress, cancel));
        return findings;
    }

    /// <summary>The policy's own queries.</summary>
    public async Task<IReadOnlyList<Finding>> AskAllAsync(string cluster, NpgsqlConnection restored, Func<double, string, Task> progress, CancellationToken cancel)
    {
        var findings = new List<Finding>();
        foreach (var query in options.PolicyOf(cluster).Queries)
        {
            await progress(80, query.Name);
            findings.Add(await AskAsync(restored, query, cancel));
        }
        return findings;
    }

    /// <summary>When the newest heartbeat that it holds was written; null: it holds none.</summary>
    /// <param name="before">later ones are not counted: they came after it was opened</param>
    public async Task<DateTimeOffset?> NewestHeartbeatAsync(NpgsqlConnection instance, CancellationToken cancel, DateTimeOffset? before = null)
    {
        if (!await instance.ScalarAsync<bool>($"SELECT to_regclass('{PostgresSql.HeartbeatTable}') IS NOT NULL", cancel)) return null;
        return (await instance.ListAsync($"SELECT max(at) FROM {PostgresSql.HeartbeatTable}{(before is { } end ? string.Create(CultureInfo.InvariantCulture, $" WHERE at <= '{end:O}'") : "")}", r => r.IsDBNull(0) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(0), cancel)).Single();
    }

    // Heartbeats of the minute before the newest one that was restored, leaving out what was being written at that moment.
    private async Task<Finding> CompareAsync(string cluster, NpgsqlConnection restored, DateTimeOffset newest, CancellationToken cancel)
    {
        const string Name = "heartbeats of the last minute";
        var declared = fleet.Clusters[cluster];
        if (feed.Current.Clusters.GetValueOrDefault(cluster)?.PrimaryRegion is not { } region) return new Finding(Name, true, "not compared: there is no primary");
        await using var living = await NodeConnection.OpenAsync(declared, declared.Nodes.First(n => n.Region == region), "opsconsole proof", cancel);
        // Heartbeats are kept for 15 minutes: of an older backup the living database knows none any more.
        var oldest = (await living.ListAsync($"SELECT min(at) FROM {PostgresSql.HeartbeatTable}", r => r.IsDBNull(0) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(0), cancel)).Single();
        var (from, to) = (Later(oldest ?? newest, newest.AddMinutes(-1)), newest.AddSeconds(-2));
        if (from >= to) return new Finding(Name, true, "not compared: the living database no longer has them");
        var sql = string.Create(CultureInfo.InvariantCulture,
            $"SELECT count(*) || ' rows, ' || coalesce(md5(string_agg(writer::text || sequence, ',' ORDER BY writer, sequence)), '') FROM {PostgresSql.HeartbeatTable} WHERE at BETWEEN '{from:O}' AND '{to:O}'");
        var (here, there) = (await restored.ScalarAsync<string>(sql, cancel), await living.ScalarAsync<string>(sql, cancel));
        return new Finding(Name, here == there, here == there ? $"as in {region}: {here}" : $"{here}; in {region} {there}");
    }

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    private static async Task<Finding> AskAsync(NpgsqlConnection restored, ProofQueryOptions query, CancellationToken cancel)
    {
        try
        {
            await using var command = new NpgsqlCommand($"SELECT answer::text FROM ({query.Sql.Trim().TrimEnd(';')}) AS asked(answer) LIMIT 1", restored);
            var answer = await command.ExecuteScalarAsync(cancel) as string;
            var passed = query.Expect.Length > 0 ? answer == query.Expect : answer is not (null or "false");
            return new Finding(query.Name, passed, answer is null ? "no answer" : passed ? answer : $"{answer}{(query.Expect.Length > 0 ? $", expected {query.Expect}" : "")}");
        }
        catch (PostgresException e)
        {
            return new Finding(query.Name, false, $"{e.SqlState}: {e.MessageText}");
        }
    }
}
