using System.Globalization;

namespace OpsConsole.Bench.Failover;

/// <summary>Measured events of several programs, a line each in one file, and the table that compares them.</summary>
internal static class Results
{
    /// <summary>Nothing when no file is wanted.</summary>
    public static void Append(string file, string system, string happening, TimeSpan pause, int failed, int lost, int twoPrimaries, TimeSpan? rejoin = null)
    {
        if (file.Length == 0) return;
        File.AppendAllText(file, string.Join('\t', [system, happening, Text(pause), .. new[] { failed, lost, twoPrimaries }.Select(n => n.ToString(CultureInfo.InvariantCulture)), rejoin is { } r ? Text(r) : ""]) + "\n");
    }

    public static int PrintTable(string file)
    {
        Console.WriteLine("| event | system | pause, median | worst | n | failed transactions | lost rows | two primaries | rejoin, worst |\n|---|---|---|---|---|---|---|---|---|");
        foreach (var group in File.ReadLines(file).Select(l => l.Split('\t')).GroupBy(f => (Happening: f[1], System: f[0])).OrderBy(g => g.Key.Happening, StringComparer.Ordinal))
        {
            var pauses = group.Select(f => Number(f[2])).Order().ToList();
            var rejoins = group.Where(f => f[6].Length > 0).Select(f => Number(f[6])).ToList();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {group.Key.Happening} | {group.Key.System} | {pauses[pauses.Count / 2]:0.00} s | {pauses[^1]:0.00} s | {pauses.Count} | {group.Sum(f => Number(f[3]))} | {group.Sum(f => Number(f[4]))} | {group.Sum(f => Number(f[5]))} | {(rejoins.Count == 0 ? "" : $"{rejoins.Max().ToString("0.0", CultureInfo.InvariantCulture)} s")} |"));
        }
        return 0;
    }

    private static string Text(TimeSpan time) => time.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
