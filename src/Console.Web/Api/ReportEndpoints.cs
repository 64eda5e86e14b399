using System.Text;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Drills.Reports;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Api;

public static class ReportEndpoints
{
    public static void MapReports(this RouteGroupBuilder api) =>
        api.MapGroup("/operations").WithTags("Operations").MapGet("/{id:guid}/report", async (Guid id, string? format, ReportBuilder reports, OperationReader reader, CancellationToken cancel) =>
        {
            var check = new Check();
            check.That(format is null or "json" or "html" or "csv", "format", "Give json, html or csv.");
            if (check.Problem() is { } problem)
                return problem;
            if (await reader.FindAsync(id, cancel) is null)
                throw new KeyNotFoundException($"There is no operation {id}.");
            var report = await reports.BuildAsync(id, cancel);
            return format switch
            {
                "html" => Results.Content(ReportHtml.Render(report), "text/html; charset=utf-8"),
                "csv" => Results.File(Encoding.UTF8.GetBytes(ReportCsv.Render(report)), "text/csv; charset=utf-8", $"{report.Kind}-{id}.csv"),
                _ => TypedResults.Ok(report),
            };
        }).RequireAuthorization(Policies.ViewReports).WithSummary("A report of a drill or experiment (or any operation): ?format=html, json or csv").Produces<OperationReport>();
}
