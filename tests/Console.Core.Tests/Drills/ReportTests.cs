using System.Text.Json.Nodes;
using OpsConsole.Core.Drills.Reports;

namespace OpsConsole.Core.Tests.Drills;

public sealed class ReportTests
{
    private static readonly DateTimeOffset At = new(2026, 11, 23, 3, 0, 0, TimeSpan.Zero);

    private static OperationReport Report { get; } = new()
    {
        Id = Guid.Empty, Kind = "experiment", Title = "Kill <b>an</b> API", State = "succeeded", RequestedBy = "a@example.org", Reason = "=HYPERLINK(\"x\")", PlanHash = new string('a', 64), AskedAt = At,
        StartedAt = At, EndedAt = At.AddSeconds(30), Verdicts = [KeyValuePair.Create("hypothesis", "passed"), KeyValuePair.Create("cleanUp", "failed")],
        Executed = [new ReportStep(0, "Kill it", "undone", At, At.AddSeconds(1), "=1+1", "start it", At.AddSeconds(20))],
        NotExecuted = [new ReportStep(1, "Never \"done\", not once", "notExecuted", null, null, "", "", null)],
        Measurements = [new ReportMeasurement(At, "during", "customers.p95Ms <= 500", 120.5, true), new ReportMeasurement(At.AddSeconds(1), "during", "customers.p95Ms <= 500", null, false),
            new ReportMeasurement(At.AddSeconds(2), "during", "customers.p95Ms <= 500", 700, false)],
        Objectives = [new ReportObjective("orders", "RTO", 900, 2.5)], Differences = [new ReportDifference("hypothesis", "failed", "passed")], ComparedWith = Guid.Empty,
        Timeline = [new ReportEvent(At, "said", "Kill it", "service is gone")], Result = new JsonObject(),
    };

    [Fact]
    public void Html_OfAReport_HoldsEverythingEscapedAndNoScript()
    {
        var html = ReportHtml.Render(Report);

        foreach (var part in new[] { "Kill &lt;b&gt;an&lt;/b&gt; API", "Steps that were not executed", "Never &quot;done&quot;", "@media print", "<polyline", "Different from the last run", "900", "2.5", "03:00:20Z", "class=\"limit\"", "class=\"fault\"" })
            Assert.Contains(part, html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<b>an", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Html_WithoutChecksOrSteps_SaysNoneInsteadOfAnEmptyTable()
    {
        var html = ReportHtml.Render(Report with { Checks = [], NotExecuted = [], Approvals = [] });

        Assert.Contains("<h2>Checks before it began</h2><p>None.</p>", html, StringComparison.Ordinal);
        Assert.Contains("<h2>Steps that were not executed</h2><p>None.</p>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<tbody></tbody>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<th scope=\"col\"></th>", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Csv_OfAReport_QuotesAndDisarmsFormulas()
    {
        var csv = ReportCsv.Render(Report);

        Assert.Contains("\"'=1+1\"", csv, StringComparison.Ordinal);
        Assert.Contains("\"Never \"\"done\"\", not once\"", csv, StringComparison.Ordinal);
        Assert.Contains("difference,,hypothesis,passed,before: failed", csv, StringComparison.Ordinal);
        Assert.All(csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries), line => Assert.False(line.StartsWith('='), line));
    }

    [Theory]
    [InlineData("-12.5", "-12.5")]
    [InlineData("-x", "\"'-x\"")]
    [InlineData("@x", "\"'@x\"")]
    [InlineData("plain", "plain")]
    public void Field_AsASpreadsheetReadsIt_IsText(string text, string expected) => Assert.Equal(expected, ReportCsv.Field(text));
}
