using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpsConsole.Core.Drivers.PgBackRest;

/// <summary>A backup set as <c>pgbackrest info</c> shows it.</summary>
/// <param name="Repository">pgBackRest's number of the repository</param>
/// <param name="Operation">our annotation; null: not made by the console</param>
/// <param name="Prior">label of the set that it needs; null for a full one</param>
/// <param name="LogStart">first segment of the log that it needs to become consistent; <paramref name="LogStop"/> is the last</param>
internal sealed record PgBackRestSet(
    int Repository, string Label, string Type, string? Operation, string? Prior, DateTimeOffset StartedAt, DateTimeOffset StoppedAt, long SizeBytes, long StoredBytes, string? StopLsn, int? Timeline, string? LogStart, string? LogStop);

/// <param name="Problems">of single repositories, in pgBackRest's words</param>
/// <param name="BackupRuns">another backup holds the lock on this host</param>
internal sealed record PgBackRestInfo(IReadOnlyList<PgBackRestSet> Sets, IReadOnlyDictionary<int, string> Problems, bool BackupRuns)
{
    /// <summary>Newer versions add members: what is not known is passed over.</summary>
    /// <exception cref="FormatException">It is not the answer of <c>info --output=json</c>.</exception>
    public static PgBackRestInfo Parse(string json, string stanza)
    {
        try
        {
            var found = JsonNode.Parse(json)?.AsArray().OfType<JsonObject>().FirstOrDefault(s => (string?)s["name"] == stanza);
            if (found is null) return new PgBackRestInfo([], new Dictionary<int, string>(), false);
            var problems = (found["repo"] as JsonArray ?? []).OfType<JsonObject>().Where(r => ((int?)r["status"]?["code"] ?? 0) is not (0 or 2)) // 2: no backup yet
                .ToDictionary(r => (int)r["key"]!, r => (string?)r["status"]?["message"] ?? "unknown");
            return new PgBackRestInfo([.. (found["backup"] as JsonArray ?? []).OfType<JsonObject>().Select(Read)],
                problems, (bool?)found["status"]?["lock"]?["backup"]?["held"] ?? false);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException or OverflowException)
        {
            throw new FormatException($"pgbackrest info gave an answer that cannot be read: {e.Message}", e);
        }
    }

    private static PgBackRestSet Read(JsonObject set) => new(
        (int)set["database"]!["repo-key"]!, (string)set["label"]!, (string)set["type"]!, (string?)set["annotation"]?["operation"], (string?)set["prior"],
        DateTimeOffset.FromUnixTimeSeconds((long)set["timestamp"]!["start"]!), DateTimeOffset.FromUnixTimeSeconds((long)set["timestamp"]!["stop"]!),
        (long)set["info"]!["size"]!, (long?)set["info"]!["repository"]?["delta"] ?? 0, (string?)set["lsn"]?["stop"], Timeline((string?)set["archive"]?["stop"]), (string?)set["archive"]?["start"], (string?)set["archive"]?["stop"]);

    private static int? Timeline(string? segment) => segment is { Length: >= 8 } ? int.Parse(segment.AsSpan(0, 8), System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture) : null;
}
