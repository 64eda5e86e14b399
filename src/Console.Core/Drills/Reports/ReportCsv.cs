using System.Globalization;
using System.Text;

namespace OpsConsole.Core.Drills.Reports;

/// <summary>A report as rows: section, at, name, value, detail. Fields that begin like a formula are quoted, so that no spreadsheet runs them.</summary>
public static class ReportCsv
{
    public static string Render(OperationReport report)
    {
        var csv = new StringBuilder();
        Row(csv, "section", "at", "name", "value", "detail");
        Row(csv, "summary", At(report.StartedAt), report.Title, report.State, report.EndReason ?? "");
        foreach (var verdict in report.Verdicts) Row(csv, "verdict", At(report.EndedAt), verdict.Key, verdict.Value, "");
        foreach (var test in report.Tests) Row(csv, "test", "", test.Name, test.Verdict, test.Evidence);
        foreach (var objective in report.Objectives) Row(csv, "objective", "", $"{objective.Of} {objective.Objective}", N(objective.MeasuredSeconds), $"target {N(objective.TargetSeconds)} s");
        foreach (var step in report.Executed.Concat(report.NotExecuted)) Row(csv, "step", At(step.StartedAt), step.Name, step.Outcome, step.Detail);
        foreach (var decision in report.Approvals) Row(csv, "approval", At(decision.At), decision.By, decision.Approve ? "approved" : "rejected", decision.Comment);
        foreach (var check in report.Checks) Row(csv, "check", "", check.Id, check.Measured, check.Message);
        foreach (var difference in report.Differences) Row(csv, "difference", "", difference.What, difference.Now, $"before: {difference.Before}");
        foreach (var measurement in report.Measurements) Row(csv, measurement.Phase, At(measurement.At), measurement.Condition, measurement.Measured is { } value ? N(value) : "", measurement.Holds ? "holds" : "broken");
        foreach (var happened in report.Timeline) Row(csv, "timeline", At(happened.At), happened.Step, happened.Kind, happened.Text);
        return csv.ToString();
    }

    private static void Row(StringBuilder csv, params ReadOnlySpan<string> fields)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            if (i > 0) csv.Append(',');
            csv.Append(Field(fields[i]));
        }
        csv.Append("\r\n");
    }

    internal static string Field(string text)
    {
        var safe = text.Length > 0 && text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _) ? "'" + text : text;
        return safe.AsSpan().IndexOfAny(",\"\r\n'") < 0 ? safe : $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    private static string At(DateTimeOffset? at) => at is { } known ? known.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) : "";
    private static string N(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
