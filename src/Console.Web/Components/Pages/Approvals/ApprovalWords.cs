using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Approvals;

public static class ApprovalWords
{
    public static RenderFragment Mark(ApprovalState state) => StatusMark.Of(state switch
    {
        ApprovalState.Approved => HealthStatus.Healthy,
        ApprovalState.Pending => HealthStatus.Degraded,
        ApprovalState.Rejected => HealthStatus.Failed,
        _ => HealthStatus.Unknown,
    }, Say.Word(state), "");
}
