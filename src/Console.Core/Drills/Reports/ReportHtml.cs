using System.Globalization;
using System.Net;
using System.Text;

namespace OpsConsole.Core.Drills.Reports;

/// <summary>A report as one HTML page without scripts that prints well and can be kept as a file.</summary>
public static class ReportHtml
{
    private const string Style = """
        body{font:14px/1.45 system-ui,sans-serif;color:#16202c;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
        h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;border-bottom:1px solid #c6ced6}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid #dde3e8}
        th{color:#4a5663;font-weight:600}td.n{text-align:right;font-variant-numeric:tabular-nums}.muted{color:#4a5663}
        .passed::before{content:"✔ "}.failed::before{content:"✖ "}.skipped::before,.notRun::before{content:"– "}.passed{color:#12662f}.failed{color:#a3161b}
        svg{width:100%;height:110px;border-bottom:1px solid #c6ced6}polyline{fill:none;stroke:#1f5fbf;stroke-width:2;vector-effect:non-scaling-stroke}.wrap{overflow-x:auto}
        @media print{body{margin:0;max-width:none;font-size:11px}h2,tr,figure{break-inside:avoid}a{color:inherit;text-decoration:none}}
        """;

    public static string Render(OperationReport report)
    {
        var html = new StringBuilder();
        html.Append(CultureInfo.InvariantCulture, $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{E(report.Title)}: report</title><style>{Style}</style></head><body><main>
            <h1>{E(report.Title)}</h1><p class="muted">{E(report.Kind)} {report.Id}, {E(report.State)}{(report.EndReason is { Length: > 0 } why ? ": " + E(why) : "")}</p>
            """);
        Section(html, "Summary", () => Table(html, null,
        [
            .. report.Verdicts.Select(v => new[] { E(v.Key), Verdict(v.Value) }),
            ["asked by", $"{E(report.RequestedBy)}, {At(report.AskedAt)}"],
            ["why", E(report.Reason)],
            ["ran", $"{At(report.StartedAt)} to {At(report.EndedAt)}{(report.EndedAt - report.StartedAt is { } took ? $" ({N(took.TotalSeconds)} s)" : "")}"],
            ["plan", $"<code>{report.PlanHash}</code>"],
        ]));
        if (report.Tests.Count > 0) Section(html, "Tests", () => Table(html, ["test", "verdict", "evidence", "s"], report.Tests.Select(t => new[] { E(t.Name), Verdict(t.Verdict), E(t.Evidence), N(t.Seconds) })));
        if (report.Objectives.Count > 0)
            Section(html, "Objectives", () => Table(html, ["cluster", "objective", "target, s", "measured, s", ""], report.Objectives.Select(o => new[] { E(o.Of), o.Objective, N(o.TargetSeconds), N(o.MeasuredSeconds), Verdict(o.Met ? "passed" : "failed") })));
        Section(html, report.ComparedWith is { } last ? $"Different from the last run ({last})" : "Different from the last run", () =>
        {
            if (report.Differences.Count == 0) html.Append(report.ComparedWith is null ? "<p>This is the first.</p>" : "<p>Nothing.</p>");
            else Table(html, ["what", "before", "now"], report.Differences.Select(d => new[] { E(d.What), E(d.Before), E(d.Now) }));
        });
        Section(html, "Executed steps", () => Steps(html, report.Executed));
        Section(html, "Steps that were not executed", () =>
        {
            if (report.NotExecuted.Count == 0) html.Append("<p>None.</p>");
            else Steps(html, report.NotExecuted);
        });
        Section(html, "Approvals", () =>
        {
            if (report.Approvals.Count == 0) html.Append("<p>None was needed.</p>");
            else Table(html, ["by", "decision", "comment", "second factor", "at"], report.Approvals.Select(a => new[] { E(a.By), a.Approve ? "approved" : "rejected", E(a.Comment), E(a.StepUp ?? ""), At(a.At) }));
        });
        Section(html, "Checks before it began", () => Table(html, ["check", "verdict", "measured", "limit", ""], report.Checks.Select(c => new[] { E(c.Id), E(c.Verdict.ToString().ToLowerInvariant()), E(c.Measured), E(c.Limit), E(c.Message) })));
        foreach (var (condition, points) in report.Measurements.GroupBy(m => m.Condition).Select(g => (g.Key, g.ToList())))
            Section(html, condition, () => Chart(html, points));
        Section(html, "Timeline", () => Table(html, ["at (UTC)", "what", "step", ""], report.Timeline.Select(t => new[] { At(t.At), E(t.Kind), E(t.Step), E(t.Text) })));
        return html.Append("</main></body></html>").ToString();
    }

    private static void Section(StringBuilder html, string title, Action body)
    {
        html.Append(CultureInfo.InvariantCulture, $"<section><h2>{E(title)}</h2>");
        body();
        html.Append("</section>");
    }

    private static void Steps(StringBuilder html, IEnumerable<ReportStep> steps) => Table(html, ["step", "outcome", "from", "to", "said", "undone"],
        steps.Select(s => new[] { E(s.Name), E(s.Outcome), At(s.StartedAt), At(s.EndedAt), E(s.Detail), s.UndoneAt is { } undone ? $"{E(s.Undo)}, verified {At(undone)}" : "" }));

    private static void Table(StringBuilder html, string[]? head, IEnumerable<string[]> rows)
    {
        html.Append("<div class=\"wrap\"><table>");
        if (head is not null) html.Append("<thead><tr>").Append(string.Concat(head.Select(h => $"<th scope=\"col\">{E(h)}</th>"))).Append("</tr></thead>");
        html.Append("<tbody>");
        foreach (var row in rows)
            html.Append("<tr>").Append(head is null ? $"<th scope=\"row\">{row[0]}</th>" : $"<td>{row[0]}</td>").Append(string.Concat(row.Skip(1).Select(c => $"<td>{c}</td>"))).Append("</tr>");
        html.Append("</tbody></table></div>");
    }

    private static void Chart(StringBuilder html, List<ReportMeasurement> points)
    {
        var known = points.Where(p => p.Measured is not null).ToList();
        if (known.Count == 0)
        {
            html.Append("<p>Nothing could be measured.</p>");
            return;
        }
        var (from, to) = (known[0].At, known[^1].At);
        var (low, high) = (known.Min(p => p.Measured!.Value), known.Max(p => p.Measured!.Value));
        var line = string.Join(' ', known.Select(p =>
            $"{N(to > from ? 600 * (p.At - from) / (to - from) : 0)},{N(high > low ? 100 - (90 * (p.Measured!.Value - low) / (high - low)) : 50)}"));
        html.Append(CultureInfo.InvariantCulture, $"<figure><svg viewBox=\"0 0 600 104\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{E(points[0].Condition)}: {N(low)} to {N(high)}\"><polyline points=\"{line}\"/></svg><figcaption class=\"muted\">{N(low)} to {N(high)}, {points.Count} measurements from {At(from)} to {At(to)}; held in {points.Count(p => p.Holds)} of {points.Count}.</figcaption></figure>");
    }

    private static string Verdict(string verdict) => $"<span class=\"{E(verdict)}\">{(verdict == "notRun" ? "not run" : E(verdict))}</span>";
    private static string E(string text) => WebUtility.HtmlEncode(text);
    private static string N(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
    private static string At(DateTimeOffset? at) => at is { } known ? known.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) : "–";
}
