namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>Traffic managers and contacts.</summary>
internal static class EdgeRules
{
    public static void Check(FleetOptions fleet, Mistakes mistakes)
    {
        mistakes.Unique(fleet.TrafficManagers, nameof(TrafficManagerOptions.Id), t => t.Id, "the id");
        mistakes.Unique(fleet.TrafficManagers, nameof(TrafficManagerOptions.Address), t => t.Address, "the address");
        var regions = fleet.Regions.Select(r => r.Id).ToList();
        foreach (var manager in fleet.TrafficManagers.Where(t => mistakes.IsGiven(t, nameof(t.Kind))))
            Check(manager, regions, fleet, mistakes);
        foreach (var contact in fleet.Contacts.Where(c => c.Phone.Length == 0 && c.Email.Length == 0))
            mistakes.Add(contact, nameof(contact.Phone), "the contact has neither telephone nor e-mail", "Add at least one, so that somebody can be reached.");
    }

    private static void Check(TrafficManagerOptions manager, List<string> regions, FleetOptions fleet, Mistakes mistakes)
    {
        switch (manager.Kind)
        {
            case TrafficManagerKind.HaProxy:
                if (manager.HttpBackend.Length == 0 && manager.WriteBackend.Length == 0)
                    mistakes.Add(manager, nameof(manager.HttpBackend), "an HAProxy needs a backend to look at", "Add HttpBackend, WriteBackend or both.");
                if (manager.Servers.Count == 0)
                    mistakes.Add(manager, nameof(manager.Servers), "no server of the backends is mapped to a region", "Add server name: region id for each server.");
                break;
            case TrafficManagerKind.PgBouncer:
                if (manager.Username.Length == 0)
                    mistakes.Add(manager, nameof(manager.Username), "PgBouncer's admin console needs a user", "Add Username (one of admin_users) and Password or Password_FILE.");
                if (manager.Databases.Count == 0)
                    mistakes.Add(manager, nameof(manager.Databases), "no database of the pooler is mapped to a cluster", "Add database name: cluster id.");
                break;
            case TrafficManagerKind.Route53:
                mistakes.Add(manager, nameof(manager.Kind), "route53 is not part of this version", "Use haProxy or pgBouncer, or take the entry out.");
                break;
        }
        foreach (var (server, region) in manager.Servers)
            mistakes.Refers(manager, $"{nameof(manager.Servers)}:{server}", region, regions, "region");
        foreach (var (database, cluster) in manager.Databases)
            mistakes.Refers(manager, $"{nameof(manager.Databases)}:{database}", cluster, fleet.Clusters.Select(c => c.Id), "cluster");
    }
}
