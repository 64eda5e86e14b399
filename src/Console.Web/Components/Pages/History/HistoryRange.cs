using System.Globalization;

namespace OpsConsole.Web.Components.Pages.History;

/// <summary>A range of at most a year, as the address says it: a preset's word, or two moments in UTC.</summary>
public sealed record HistoryRange(string Id, string Text, TimeSpan Length)
{
    private const string InputFormat = "yyyy-MM-dd'T'HH:mm";
    private static readonly TimeSpan Longest = TimeSpan.FromDays(366);

    public static IReadOnlyList<HistoryRange> Presets { get; } =
    [
        new("1h", "last hour", TimeSpan.FromHours(1)),
        new("6h", "last 6 hours", TimeSpan.FromHours(6)),
        new("24h", "last 24 hours", TimeSpan.FromHours(24)),
        new("7d", "last 7 days", TimeSpan.FromDays(7)),
        new("30d", "last 30 days", TimeSpan.FromDays(30)),
        new("90d", "last 90 days", TimeSpan.FromDays(90)),
        new("1y", "last year", TimeSpan.FromDays(365)),
    ];

    public DateTimeOffset To { get; init; }

    public DateTimeOffset From => To - Length;

    /// <summary>The text of an <c>input type=datetime-local</c>.</summary>
    public static string Input(DateTimeOffset at) => at.UtcDateTime.ToString(InputFormat, CultureInfo.InvariantCulture);

    /// <returns>A mistake in words when the two moments make no range; the last hour is shown then.</returns>
    public static (HistoryRange Range, string? Mistake) Read(string? id, string? from, string? to, DateTimeOffset now)
    {
        if (id != "custom") return ((Presets.FirstOrDefault(p => p.Id == id) ?? Presets[0]) with { To = now }, null);
        if (!TryMoment(from, out var start) || !TryMoment(to, out var end)) return Refused("The range is no pair of moments such as 2026-01-31T18:00.");
        if (end <= start) return Refused("The end of the range must come after its start.");
        if (end - start > Longest) return Refused("A range is a year at most; choose a shorter one.");
        return (new HistoryRange("custom", "own range", end - start) { To = end }, null);

        (HistoryRange, string?) Refused(string mistake) => (Presets[0] with { To = now }, mistake);
    }

    private static bool TryMoment(string? text, out DateTimeOffset at) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out at);
}
