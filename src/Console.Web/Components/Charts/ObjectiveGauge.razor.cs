using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Charts;

/// <summary>Current against target: half a ring that is full at the target.</summary>
public partial class ObjectiveGauge
{
    private const string Arc = "M12 60a48 48 0 0 1 96 0";

    /// <summary>Share of the target from which an objective counts as at risk.</summary>
    private const double RiskShare = 0.8;

    [Parameter, EditorRequired]
    public required string Name { get; set; }

    [Parameter, EditorRequired]
    public required ObjectiveValue Value { get; set; }

    private double Share => Value.CurrentSeconds is { } current && Value.TargetSeconds > 0 ? current / Value.TargetSeconds : 0;

    private HealthStatus Colour => Value.CurrentSeconds is null ? HealthStatus.Unknown : Share switch
    {
        <= RiskShare => HealthStatus.Healthy,
        <= 1 => HealthStatus.Degraded,
        _ => HealthStatus.Failed,
    };

    private string Verdict => Colour switch
    {
        HealthStatus.Healthy => "within target",
        HealthStatus.Degraded => "at risk",
        HealthStatus.Failed => "target missed",
        _ => "unknown",
    };

    private string Css => $"gauge-{StatusMark.Word(Colour)}";

    private string Proof => Value.ProvenSeconds is { } proven ? $"proven {Say.Duration(proven)}" : "not yet proven";

    private string Spoken => $"{Name} {Say.Duration(Value.CurrentSeconds)}, target {Say.Duration(Value.TargetSeconds)}, {Verdict}, {Proof}";
}
