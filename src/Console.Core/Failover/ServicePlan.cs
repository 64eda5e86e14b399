using System.Globalization;
using System.Text.Json.Nodes;
using OpsConsole.Core.Drivers.Redis;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover;

/// <summary>What a move does with services other than the database: standby services are started and scaled in dependency order, the
/// cache's replica takes over, the fleet's own hook runs. Only what the fleet declares.</summary>
internal sealed class ServicePlan(FleetModel fleet, FailoverRequest request, ServiceScope scope)
{
    /// <summary>Past the promotion nothing turns back: what fails there is noted, and the move goes on.</summary>
    private bool PastReturn => !request.Planned && scope.Database;

    /// <summary>Services of the target, in dependency order, that stand in for those that move.</summary>
    public IEnumerable<PlanStep> Starts()
    {
        foreach (var service in StandIns())
        {
            if (service.Commands.ContainsKey(ServiceCommands.Start))
            {
                var stops = service.Commands.ContainsKey(ServiceCommands.Stop);
                yield return Step(StartService.StepName, $"Start {service.Id}", "Unless it runs already; then until it says that it runs.", stops ? Reversibility.Reversible : Reversibility.Neutral,
                    stops ? "Stopped again, if it was started here." : "", p => p["service"] = service.Id) with { TimeoutSeconds = 300, Attempts = 2 };
            }
            if (service.Commands.ContainsKey(ServiceCommands.Scale) && fleet.Regions[request.Target].CapacityRps > 0)
            {
                var percent = Math.Round(100 * (fleet.Regions[request.Source].CapacityRps + fleet.Regions[request.Target].CapacityRps) / fleet.Regions[request.Target].CapacityRps);
                yield return Step(ScaleService.StepName, $"Scale {service.Id} to {percent.ToString(CultureInfo.InvariantCulture)} %", $"It takes over what {request.Source} served.", Reversibility.Reversible,
                    "Back to 100 %.", p => { p["service"] = service.Id; p["percent"] = percent; }) with { TimeoutSeconds = 120, Attempts = 2 };
            }
        }
    }

    /// <summary>Caches of the source with a replica in the target.</summary>
    public IEnumerable<PlanStep> Caches()
    {
        foreach (var from in scope.Services.Select(id => fleet.Services[id]).Where(s => s.Kind == ServiceKind.Cache && s.Region == request.Source && RedisControl.Knows(s)))
        {
            if (fleet.ServicesOf(request.Target).FirstOrDefault(s => s.Kind == ServiceKind.Cache && s.Peers.ContainsKey(from.Id) && from.Peers.ContainsKey(s.Id)) is not { } to) continue;
            var others = fleet.Options.Services.Where(s => s.Id != to.Id && s.Peers.ContainsKey(to.Id)).Select(s => (JsonNode)s.Id);
            yield return Step(PromoteCache.StepName, $"{to.Id} takes over from {from.Id}", "It follows nobody any more; the others follow it.", Reversibility.Reversible, "Each follows again whom it followed.",
                p => { p["service"] = to.Id; p["others"] = new JsonArray([.. others]); }) with { TimeoutSeconds = 60, Attempts = 2 };
        }
    }

    public IEnumerable<PlanStep> Hooks()
    {
        if (fleet.Regions[request.Target].Shell?.Commands is not { } commands || !commands.ContainsKey(RunHook.Command)) yield break;
        var undo = commands.ContainsKey(RunHook.UndoCommand);
        yield return Step(RunHook.StepName, "Run the fleet's hook", $"{RunHook.Command} in {request.Target}: application configuration and the like.", undo ? Reversibility.Reversible : Reversibility.Neutral,
            undo ? $"{RunHook.UndoCommand} in {request.Target}." : "", _ => { }) with { Optional = true, TimeoutSeconds = 120 };
    }

    private IEnumerable<ServiceOptions> StandIns()
    {
        var kinds = scope.Services.Select(id => fleet.Services[id].Kind).ToHashSet();
        return RecoveryOrder.Of(fleet.Options.Services).Where(s => s.Region == request.Target && s.Kind != ServiceKind.Database && kinds.Contains(s.Kind));
    }

    private PlanStep Step(string step, string name, string detail, Reversibility reversibility, string undo, Action<JsonObject> parameters)
    {
        var values = new JsonObject { ["cluster"] = request.Cluster, ["source"] = request.Source, ["target"] = request.Target };
        parameters(values);
        return new PlanStep { Step = step, Name = name, Detail = detail, Undo = undo, Reversibility = reversibility, Parameters = values, Optional = PastReturn };
    }
}
