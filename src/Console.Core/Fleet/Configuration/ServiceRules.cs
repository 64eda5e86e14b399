namespace OpsConsole.Core.Fleet.Configuration;

internal static class ServiceRules
{
    public static void Check(FleetOptions fleet, Mistakes mistakes)
    {
        mistakes.Unique(fleet.Services, nameof(ServiceOptions.Id), s => s.Id, "the id");
        mistakes.Unique(fleet.Services.SelectMany(s => s.Nodes), nameof(NodeOptions.Address), n => n.Address, "the address");
        var regions = fleet.Regions.Select(r => r.Id).ToList();
        foreach (var service in fleet.Services)
        {
            mistakes.Refers(service, nameof(service.Region), service.Region, regions, "region");
            mistakes.Unique(service.Nodes, nameof(NodeOptions.Id), n => n.Id, "the id");
            CheckDependencies(service, fleet, mistakes);
            CheckNodes(service, mistakes);
            CheckCommands(service, fleet, mistakes);
            if (service.BusinessMetrics.Count > 0 && service.MetricsUrl.Length == 0)
                mistakes.Add(service, nameof(service.BusinessMetrics), "business metrics are named, but not where to read them", "Add MetricsUrl: the service's Prometheus endpoint.");
        }
        if (RecoveryOrder.FindCycle(fleet.Services) is { } cycle)
            mistakes.Add(fleet.Services.First(s => s.Id == cycle[0]), nameof(ServiceOptions.DependsOn), $"services depend on each other in a circle: {string.Join(" → ", cycle)}", "Take one of these dependencies out: recovery could start none of them first.");
    }

    private static void CheckDependencies(ServiceOptions service, FleetOptions fleet, Mistakes mistakes)
    {
        var others = fleet.Services.Select(s => s.Id).Where(id => id != service.Id && id.Length > 0).ToList();
        for (var i = 0; i < service.DependsOn.Count; i++)
        {
            var property = $"{nameof(service.DependsOn)}:{i}";
            if (service.DependsOn[i] == service.Id)
                mistakes.Add(service, property, $"{service.Id} depends on itself", "Take the entry out.");
            else if (service.DependsOn.Take(i).Contains(service.DependsOn[i]))
                mistakes.Add(service, property, $"{service.DependsOn[i]} is listed twice", "List each service once.");
            else
                mistakes.Refers(service, property, service.DependsOn[i], others, "service");
        }
    }

    private static void CheckCommands(ServiceOptions service, FleetOptions fleet, Mistakes mistakes)
    {
        var offered = fleet.Regions.Find(r => r.Id == service.Region)?.Shell?.Commands.Keys.ToList() ?? [];
        foreach (var (key, command) in service.Commands)
        {
            var property = $"{nameof(service.Commands)}:{key}";
            if (!ServiceCommands.All.Contains(key))
                mistakes.Add(service, property, $"\"{key}\" is nothing that is done with a service", $"{Suggestion.Hint(key, ServiceCommands.All)}Use {string.Join(", ", ServiceCommands.All)}.");
            else
                mistakes.Refers(service, property, command, offered, $"command of the shell of {service.Region}");
        }
        var caches = fleet.Services.Where(s => s.Kind == ServiceKind.Cache && s.Id != service.Id).Select(s => s.Id).ToList();
        foreach (var (peer, address) in service.Peers)
        {
            var property = $"{nameof(service.Peers)}:{peer}";
            mistakes.Refers(service, property, peer, caches, "cache");
            if (new HostPortTextAttribute().Check(address) is { } wrong)
                mistakes.Add(service, property, wrong.Problem, wrong.Remedy);
        }
    }

    private static void CheckNodes(ServiceOptions service, Mistakes mistakes)
    {
        if (service.Nodes.Count > 0 && service.Nodes.All(n => n.Weight == 0))
            mistakes.Add(service, nameof(service.Nodes), "every node has weight 0, so none would get any traffic", "Give at least one node a weight from 1 to 256.");
        if (service.Probes.Count == 0)
            mistakes.Add(service, nameof(service.Probes), "the service has no probe, so its health could never be known", "Declare at least one probe.");
    }
}
