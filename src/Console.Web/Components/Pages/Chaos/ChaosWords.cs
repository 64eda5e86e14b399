using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Chaos;

public static class ChaosWords
{
    /// <summary>passed, failed or notRun.</summary>
    public static RenderFragment Verdict(string what, string verdict) => StatusMark.Of(verdict switch
    {
        "passed" => HealthStatus.Healthy,
        "failed" => HealthStatus.Failed,
        _ => HealthStatus.Unknown,
    }, $"{what} {(verdict == "notRun" ? "not run" : verdict)}", "status-small");

    public static RenderFragment Mark(Severity severity) => StatusMark.Of(severity switch
    {
        Severity.Low => HealthStatus.Healthy,
        Severity.Medium => HealthStatus.Degraded,
        Severity.High => HealthStatus.Critical,
        _ => HealthStatus.Failed,
    }, Say.Word(severity), "status-small");

    public static string Result(Operation operation, string name) => operation.Result[name] is System.Text.Json.Nodes.JsonValue value && value.TryGetValue<string>(out var word) ? word : "notRun";

    public static string Score(double score) => score switch
    {
        0 => "never run",
        50 => "50, failed",
        75 => "75, passed more than 30 days ago",
        _ => "100, passed",
    };

    /// <summary>A plain word for a group.</summary>
    public static string Group(ExperimentGroup group) => Say.Word(group);
}
