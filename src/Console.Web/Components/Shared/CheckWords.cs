using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Components.Shared;

public static class CheckWords
{
    public static RenderFragment Mark(CheckVerdict verdict, bool overridden = false) => StatusMark.Of(verdict switch
    {
        CheckVerdict.Passed => HealthStatus.Healthy,
        CheckVerdict.Warning => HealthStatus.Degraded,
        _ => HealthStatus.Failed,
    }, overridden ? "overridden" : Say.Word(verdict), "status-small");
}
