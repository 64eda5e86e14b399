using Npgsql;

namespace OpsConsole.Testing.Failover;

/// <summary>What must never happen, counted from what independent clients saw.</summary>
public static class Invariants
{
    /// <summary>Acknowledged rows that the node does not hold.</summary>
    public static async Task<IReadOnlyList<long>> LostAsync(FleetUnderTest fleet, string region, AckWriter writer)
    {
        var acks = writer.Acks; // before reading: later ones may not be there yet
        await using var connection = new NpgsqlConnection(fleet.Node(region));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT id FROM {writer.Table}", connection);
        await using var reader = await command.ExecuteReaderAsync();
        var there = new HashSet<long>();
        while (await reader.ReadAsync()) there.Add(reader.GetInt64(0));
        return [.. acks.Select(a => a.Id).Where(id => !there.Contains(id))];
    }

    /// <summary>Writes that a server of an older timeline acknowledged although they were sent after a server of a newer timeline had
    /// acknowledged one, to whichever client: two primaries.</summary>
    public static int TwoPrimaries(params IReadOnlyList<AckWriter> writers)
    {
        var acks = writers.SelectMany(w => w.Acks).OrderBy(a => a.Answered).ToList();
        var (violations, newest) = (0, new List<(long Answered, int Timeline)>());
        foreach (var ack in acks)
        {
            if (newest.Count == 0 || ack.Timeline > newest[^1].Timeline) newest.Add((ack.Answered, ack.Timeline));
            if (newest.Any(n => n.Timeline > ack.Timeline && n.Answered < ack.Sent)) violations++;
        }
        return violations;
    }
}
