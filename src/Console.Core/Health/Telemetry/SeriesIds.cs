using System.Collections.Concurrent;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Numbers of series and probes, given by the database on first use and kept: they never change.</summary>
public sealed class SeriesIds(ConsoleDatabase database)
{
    private readonly ConcurrentDictionary<string, int> _series = new(StringComparer.Ordinal);

    public bool TryGet(string key, out int id) => _series.TryGetValue(key, out id);

    /// <summary>Looks up, and creates where new.</summary>
    public async Task EnsureAsync(IReadOnlyCollection<string> keys, CancellationToken cancel)
    {
        var unknown = keys.Where(k => !_series.ContainsKey(k)).Distinct(StringComparer.Ordinal).ToArray();
        if (unknown.Length == 0)
            return;
        await using (var insert = database.App.CreateCommand("INSERT INTO telemetry.series (key) SELECT unnest($1) ON CONFLICT DO NOTHING"))
        {
            insert.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = unknown });
            await insert.ExecuteNonQueryAsync(cancel);
        }
        await FindAsync(unknown, cancel);
    }

    /// <summary>Looks up without creating; what was never recorded stays unknown.</summary>
    public async Task FindAsync(IReadOnlyCollection<string> keys, CancellationToken cancel)
    {
        var unknown = keys.Where(k => !_series.ContainsKey(k)).ToArray();
        if (unknown.Length == 0)
            return;
        await using var select = database.App.CreateCommand("SELECT key, id FROM telemetry.series WHERE key = ANY ($1)");
        select.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = unknown });
        await using var rows = await select.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
            _series[rows.GetString(0)] = rows.GetInt32(1);
    }

    /// <summary>Numbers of a plan's probes, by index.</summary>
    public async Task<int[]> ProbesAsync(Probing.ProbePlan plan, CancellationToken cancel)
    {
        await EnsureAsync([.. plan.Probes.Select(p => ServiceKey(p.Service))], cancel);
        var keys = plan.Probes.Select(p => p.Key).ToArray();
        await using (var insert = database.App.CreateCommand("INSERT INTO telemetry.probe (key, series) SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING"))
        {
            insert.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = keys });
            insert.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. plan.Probes.Select(p => _series[ServiceKey(p.Service)])] });
            await insert.ExecuteNonQueryAsync(cancel);
        }
        var ids = new int[keys.Length];
        var index = plan.Probes.ToDictionary(p => p.Key, p => p.Index, StringComparer.Ordinal);
        await using var select = database.App.CreateCommand("SELECT key, id FROM telemetry.probe WHERE key = ANY ($1)");
        select.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = keys });
        await using var rows = await select.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
            ids[index[rows.GetString(0)]] = rows.GetInt32(1);
        return ids;
    }

    public static string ServiceKey(string service) => $"service:{service}";
}
