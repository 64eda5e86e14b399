using System.Diagnostics;
using System.Globalization;
using Npgsql;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench.Failover;

/// <summary>The same client on any other cluster: writes through an endpoint, has an event happen, tells what it experienced.</summary>
internal static class PeerBench
{
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    /// <param name="name">the event</param>
    /// <param name="write">connection string of the endpoint that clients use</param>
    /// <param name="happen">shell command: the event</param>
    /// <param name="later">shell command so long after the event that the cluster has dealt with it, such as a thaw; empty: none</param>
    public static async Task<int> RunAsync(string system, string name, string write, string happen, string later, int laterSeconds, string results)
    {
        var table = $"bench_{Guid.NewGuid():N}"[..16];
        await using var writer = await AckWriter.StartAsync(write, table, TimeSpan.FromMilliseconds(20));
        await Task.Delay(Before);
        var began = Stopwatch.GetTimestamp();
        await FleetUnderTest.ShellAsync(happen);
        if (later.Length > 0)
        {
            await Task.Delay(TimeSpan.FromSeconds(laterSeconds));
            await FleetUnderTest.ShellAsync(later);
        }
        while (!await SteadyAsync(writer, began) && Stopwatch.GetElapsedTime(began) < Limit) await Task.Delay(200);
        await Task.Delay(TimeSpan.FromSeconds(3)); // a returned one has time to do harm
        var acks = writer.Acks;
        var there = await RowsAsync(write, table);
        var lost = acks.Count(a => !there.Contains(a.Id));
        Results.Append(results, system, name, writer.PauseSince(began), writer.FailuresSince(began), lost, Invariants.TwoPrimaries(writer));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {system}: {name,-16} pause {writer.PauseSince(began).TotalSeconds:0.000} s, failed {writer.FailuresSince(began)}, lost {lost}, two primaries {Invariants.TwoPrimaries(writer)}"));
        return 0;
    }

    /// <summary>Another server acknowledges, for two seconds now.</summary>
    private static async Task<bool> SteadyAsync(AckWriter writer, long began)
    {
        var acks = writer.Acks;
        var old = acks.LastOrDefault(a => a.Answered <= began).Node;
        return acks.LastOrDefault(a => a.Node != old && a.Answered > began) is { Answered: > 0 } && await writer.WritesAsync(TimeSpan.FromSeconds(2));
    }

    private static async Task<HashSet<long>> RowsAsync(string write, string table)
    {
        await using var connection = new NpgsqlConnection(write);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT id FROM {table}", connection);
        await using var reader = await command.ExecuteReaderAsync();
        var there = new HashSet<long>();
        while (await reader.ReadAsync()) there.Add(reader.GetInt64(0));
        return there;
    }
}
