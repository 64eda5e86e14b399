using System.Text.RegularExpressions;

namespace OpsConsole.Core.Drivers.PgBackRest;

/// <summary>What <c>pgbackrest --output=text verify</c> says; its exit code is 0 whatever it finds.</summary>
/// <param name="Sets">label to verdict and words</param>
/// <param name="Log">what is wrong with the stored log; null: nothing</param>
/// <param name="Segments">names of the damaged segments of the log; only its messages of level info name them</param>
internal sealed partial record PgBackRestVerdicts(IReadOnlyDictionary<string, (bool Valid, string Detail)> Sets, string? Log, IReadOnlyList<string> Segments)
{
    /// <summary>A set is of no use without the log that was written while it was taken, of which pgBackRest's own verdict on the set says nothing.</summary>
    /// <returns>the damaged segments of it; empty: none is known</returns>
    public IReadOnlyList<string> DamagedOf(PgBackRestSet set) => set is { LogStart: { } start, LogStop: { } stop }
        ? [.. Segments.Where(s => string.CompareOrdinal(s, start) >= 0 && string.CompareOrdinal(s, stop) <= 0)] : [];

    /// <returns>null: not the report of a verification</returns>
    public static PgBackRestVerdicts? Parse(string text)
    {
        if (!text.Contains("stanza:", StringComparison.Ordinal)) return null;
        var sets = new Dictionary<string, (bool, string)>();
        string? log = null;
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var wrong = i + 1 < lines.Length ? Faults(lines[i + 1]) : "";
            if (BackupLine().Match(lines[i]) is { Success: true } set)
            {
                var valid = set.Groups["status"].Value == "valid";
                sets[set.Groups["label"].Value] = (valid, valid ? $"{set.Groups["valid"].Value} files checked" : $"{set.Groups["valid"].Value} of {set.Groups["total"].Value} files are right{(wrong.Length > 0 ? $" ({wrong})" : "")}");
            }
            else if (ArchiveLine().Match(lines[i]) is { Success: true } archive && archive.Groups["total"].Value != archive.Groups["valid"].Value)
            {
                log = $"{archive.Groups["valid"].Value} of {archive.Groups["total"].Value} segments of the log are right{(wrong.Length > 0 ? $" ({wrong})" : "")}";
            }
        }
        return new PgBackRestVerdicts(sets, log, [.. SegmentLine().Matches(text).Select(m => m.Groups["segment"].Value).Distinct()]);
    }

    // "missing: 0, checksum invalid: 1, ..." without what is zero.
    private static string Faults(string line) => string.Join(", ", line.Split(',', StringSplitOptions.TrimEntries).Where(f => Fault().IsMatch(f) && !f.EndsWith(": 0", StringComparison.Ordinal)));

    [GeneratedRegex(@"backup: (?<label>[0-9A-Za-z_-]+), status: (?<status>[a-z ]+), total files checked: (?<total>\d+), total valid files: (?<valid>\d+)")]
    private static partial Regex BackupLine();

    [GeneratedRegex(@"total WAL checked: (?<total>\d+), total valid WAL: (?<valid>\d+)")]
    private static partial Regex ArchiveLine();

    // 2026-11-30 20:24:24.467 P01   INFO: invalid checksum 15-1/0000000100000000/000000010000000000000002-SHA1.gz
    [GeneratedRegex(@"(?:INFO|WARN|ERROR): [^\n]*/(?<segment>[0-9A-F]{24})-[0-9a-f]{40}")]
    private static partial Regex SegmentLine();

    [GeneratedRegex(@"^[a-z ]+: \d+$")]
    private static partial Regex Fault();
}
