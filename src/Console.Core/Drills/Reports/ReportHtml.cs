using System.Globalization;
using System.Net;
using System.Text;

namespace OpsConsole.Core.Drills.Reports;

/// <summary>A report as one HTML page without scripts that prints well and can be kept as a file.</summary>
public static class ReportHtml
{
    // On paper always dark on light; on a phone each row is a card, its cells under their columns' names.
    private const string Style = """
        :root{color-scheme:light dark;--ink:#16202c;--soft:#4a5663;--ground:#fff;--line:#c6ced6;--hair:#dde3e8;--good:#12662f;--bad:#a3161b;--curve:#1f5fbf;--fault:#f6e3c5}
        @media screen and (prefers-color-scheme:dark){:root{--ink:#e3e8ee;--soft:#aab4bf;--ground:#14191f;--line:#46515d;--hair:#2c343d;--good:#6fd08c;--bad:#ff8f8a;--curve:#7fb0ff;--fault:#4a3a1c}}
        body{font:14px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:60rem;margin:2rem auto;padding:0 1rem}
        h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;border-bottom:1px solid var(--line)}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid var(--hair);overflow-wrap:break-word}code{overflow-wrap:anywhere}
        th{color:var(--soft);font-weight:600}.muted{color:var(--soft)}
        .passed::before{content:"✔ "}.failed::before{content:"✖ "}.skipped::before,.notRun::before{content:"– "}.passed{color:var(--good)}.failed{color:var(--bad)}.passed,.failed,.skipped,.notRun,time{white-space:nowrap}
        figure{margin:0}svg{width:100%;height:110px;border-bottom:1px solid var(--line)}polyline{fill:none;stroke:var(--curve);stroke-width:2;vector-effect:non-scaling-stroke}
        .limit{stroke:var(--bad);stroke-width:1;stroke-dasharray:6 4;vector-effect:non-scaling-stroke}.fault{fill:var(--fault)}
        @media screen and (max-width:40rem){
        thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}table,tbody,tr,td,tbody th{display:block}tr{padding:.35rem 0;border-bottom:1px solid var(--line)}td,tbody th{border:0;padding:.1rem 0}
        td[data-of]{position:relative;padding-left:7rem}td[data-of]::before{content:attr(data-of);position:absolute;left:0;color:var(--soft)}td:empty{display:none}}
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
            .. report.Verdicts.Select(v => new[] { v.Key == "cleanUp" ? "clean-up" : E(v.Key), Verdict(v.Value) }),
            ["asked by", $"{E(report.RequestedBy)}, {At(report.AskedAt)}"],
            ["why", E(report.Reason)],
            ["ran", $"{At(report.StartedAt)} to {At(report.EndedAt)}{(report.EndedAt - report.StartedAt is { } took ? $" ({N(took.TotalSeconds)} s)" : "")}"],
            ["plan", $"<code>{report.PlanHash}</code>"],
        ]));
        if (report.Tests.Count > 0) Section(html, "Tests", () => Table(html, ["test", "verdict", "evidence", "s"], report.Tests.Select(t => new[] { E(t.Name), Verdict(t.Verdict), E(t.Evidence), N(t.Seconds) })));
        if (report.Objectives.Count > 0)
            Section(html, "Objectives", () => Table(html, ["cluster", "objective", "target, s", "measured, s", "verdict"], report.Objectives.Select(o => new[] { E(o.Of), o.Objective, N(o.TargetSeconds), N(o.MeasuredSeconds), Verdict(o.Met ? "passed" : "failed") })));
        Section(html, report.ComparedWith is { } last ? $"Different from the last run ({last})" : "Different from the last run", () =>
        {
            if (report.Differences.Count == 0) html.Append(report.ComparedWith is null ? "<p>This is the first.</p>" : "<p>Nothing.</p>");
            else Table(html, ["what", "before", "now"], report.Differences.Select(d => new[] { E(d.What), E(d.Before), E(d.Now) }));
        });
        Section(html, "Executed steps", () => Steps(html, report.Executed, report.AskedAt));
        Section(html, "Steps that were not executed", () =>
        {
            if (report.NotExecuted.Count == 0) html.Append("<p>None.</p>");
            else Table(html, ["step", "would have been undone so"], report.NotExecuted.Select(s => new[] { E(s.Name), E(s.Undo) }));
        });
        Section(html, "Approvals", () =>
        {
            if (report.Approvals.Count == 0) html.Append("<p>None was needed.</p>");
            else Table(html, ["by", "decision", "comment", "second factor", "at"], report.Approvals.Select(a => new[] { E(a.By), a.Approve ? "approved" : "rejected", E(a.Comment), E(a.StepUp ?? ""), At(a.At) }));
        });
        Section(html, "Checks before it began", () =>
        {
            if (report.Checks.Count == 0) html.Append("<p>None.</p>");
            else Table(html, ["check", "verdict", "measured", "limit", "said"], report.Checks.Select(c => new[] { E(c.Id), E(c.Verdict.ToString().ToLowerInvariant()), E(c.Measured), E(c.Limit), E(c.Message) }));
        });
        foreach (var (condition, points) in report.Measurements.GroupBy(m => m.Condition).Select(g => (g.Key, g.ToList())))
            Section(html, condition, () => Chart(html, points));
        Section(html, "Timeline", () => Table(html, ["at (UTC)", "what", "step", "said"], report.Timeline.Select(t => new[] { Clock(t.At, report.AskedAt), E(t.Kind), E(t.Step), E(t.Text) })));
        return html.Append("</main></body></html>").ToString();
    }

    private static void Section(StringBuilder html, string title, Action body)
    {
        html.Append(CultureInfo.InvariantCulture, $"<section><h2>{E(title)}</h2>");
        body();
        html.Append("</section>");
    }

    private static void Steps(StringBuilder html, IEnumerable<ReportStep> steps, DateTimeOffset day) => Table(html, ["step", "outcome", "from", "to", "said", "undone"],
        steps.Select(s => new[] { E(s.Name), E(s.Outcome), Clock(s.StartedAt, day), Clock(s.EndedAt, day), E(s.Detail), s.UndoneAt is { } undone ? $"{E(s.Undo)}, verified {Clock(undone, day)}" : "" }));

    private static void Table(StringBuilder html, string[]? head, IEnumerable<string[]> rows)
    {
        html.Append("<table>");
        if (head is not null) html.Append("<thead><tr>").Append(string.Concat(head.Select(h => $"<th scope=\"col\">{E(h)}</th>"))).Append("</tr></thead>");
        html.Append("<tbody>");
        foreach (var row in rows)
            html.Append("<tr>").Append(string.Concat(row.Select((cell, i) => head is not null ? $"<td data-of=\"{E(head[i])}\">{cell}</td>" : i == 0 ? $"<th scope=\"row\">{cell}</th>" : $"<td>{cell}</td>"))).Append("</tr>");
        html.Append("</tbody></table>");
    }

    /// <summary>The line of what was measured, over the time in which the fault was there, with the limit dashed.</summary>
    private static void Chart(StringBuilder html, List<ReportMeasurement> points)
    {
        var known = points.Where(p => p.Measured is not null).ToList();
        if (known.Count == 0)
        {
            html.Append("<p>Nothing could be measured.</p>");
            return;
        }
        var (from, to) = (known[0].At, known[^1].At);
        var (low, high, limit) = (known.Min(p => p.Measured!.Value), known.Max(p => p.Measured!.Value), Limit(points[0].Condition));
        var (bottom, top) = limit is { } l ? (Math.Min(low, l), Math.Max(high, l)) : (low, high);
        string X(DateTimeOffset at) => N(to > from ? 600 * (at - from) / (to - from) : 0);
        string Y(double value) => N(top > bottom ? 100 - (90 * (value - bottom) / (top - bottom)) : 50);
        var line = string.Join(' ', known.Select(p => $"{X(p.At)},{Y(p.Measured!.Value)}"));
        var during = known.Where(p => p.Phase == "during").ToList();
        var fault = during.Count < 2 ? "" : $"<rect class=\"fault\" x=\"{X(during[0].At)}\" y=\"0\" width=\"{N(600 * (during[^1].At - during[0].At) / (to - from))}\" height=\"104\"/>";
        var dashed = limit is { } at ? $"<line class=\"limit\" x1=\"0\" x2=\"600\" y1=\"{Y(at)}\" y2=\"{Y(at)}\"/>" : "";
        html.Append(CultureInfo.InvariantCulture, $"<figure><svg viewBox=\"0 0 600 104\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{E(points[0].Condition)}: {N(low)} to {N(high)}\">{fault}{dashed}<polyline points=\"{line}\"/></svg><figcaption class=\"muted\">{N(low)} to {N(high)}{(limit is { } shown ? $", limit {N(shown)} dashed" : "")}{(fault.Length > 0 ? ", the faults were there where it is shaded" : "")}; {points.Count} measurements from {At(from)} to {At(to)}; held in {points.Count(p => p.Holds)} of {points.Count}.</figcaption></figure>");
    }

    private static double? Limit(string condition) =>
        condition.LastIndexOf(' ') is > 0 and var at && double.TryParse(condition.AsSpan(at), NumberStyles.Float, CultureInfo.InvariantCulture, out var limit) ? limit : null;

    private static string Verdict(string verdict) => $"<span class=\"{E(verdict)}\">{(verdict == "notRun" ? "not run" : E(verdict))}</span>";
    private static string E(string text) => WebUtility.HtmlEncode(text);
    private static string N(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
    private static string At(DateTimeOffset? at) => at is { } known ? known.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) : "–";

    /// <summary>The time alone where it is on the report's day.</summary>
    private static string Clock(DateTimeOffset? at, DateTimeOffset day) =>
        at is { } known && known.UtcDateTime.Date == day.UtcDateTime.Date ? $"<time datetime=\"{known.UtcDateTime:O}\">{known.UtcDateTime.ToString("HH:mm:ss'Z'", CultureInfo.InvariantCulture)}</time>" : At(at);
}
