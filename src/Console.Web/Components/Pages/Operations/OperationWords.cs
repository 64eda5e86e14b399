using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Operations;

public static class OperationWords
{
    public static RenderFragment Mark(OperationState state, string size = "") => StatusMark.Of(state switch
    {
        OperationState.Succeeded => HealthStatus.Healthy,
        OperationState.Failed => HealthStatus.Failed,
        OperationState.Running or OperationState.RollingBack or OperationState.AwaitingApproval => HealthStatus.Degraded,
        _ => HealthStatus.Unknown,
    }, Say.Word(state), size);

    public static RenderFragment Mark(StepState state) => StatusMark.Of(state switch
    {
        StepState.Done or StepState.Found => HealthStatus.Healthy,
        StepState.Failed or StepState.UndoFailed => HealthStatus.Failed,
        StepState.Running or StepState.Undoing => HealthStatus.Degraded,
        _ => HealthStatus.Unknown,
    }, Say.Word(state), "status-small");
}
