using OpsConsole.Core.Approvals;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Web.Api;

public static class SettingsEndpoints
{
    public static void MapSettings(this RouteGroupBuilder api) =>
        api.MapGet("/settings", (EffectiveSettings settings) => new Page<EffectiveSetting>(settings.All()))
            .WithTags("Settings").RequireAuthorization(Policies.ManageSettings).WithSummary("What is in force, secrets hidden");
}
