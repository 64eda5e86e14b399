namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>What may be weak on a laptop is refused in a fleet that is marked production.</summary>
internal static class ProductionRules
{
    private const int ShortestPassword = 12;

    public static void Check(FleetOptions fleet, Mistakes mistakes)
    {
        if (fleet.Environment != FleetEnvironment.Production || !mistakes.IsGiven(fleet, nameof(fleet.Environment)))
            return;
        if (fleet.Regions.Count == 1)
            mistakes.Add(fleet, nameof(fleet.Regions), "a production fleet of one region has nowhere to fail over to", "Declare a second region, or mark the fleet staging.");
        if (!fleet.Contacts.Exists(c => c.Role is ContactRole.OnCall or ContactRole.Hotline))
            mistakes.Add(fleet, nameof(fleet.Contacts), "a production fleet needs somebody to call", "Add a contact with the role onCall or hotline.");
        foreach (var cluster in fleet.Clusters)
        {
            Password(cluster, nameof(cluster.Password), cluster.Password, required: true, mistakes);
            Password(cluster, nameof(cluster.ReplicationPassword), cluster.ReplicationPassword, required: false, mistakes);
            if (cluster.Tier == ServiceTier.Critical && cluster.Nodes.Count == 1)
                mistakes.Add(cluster, nameof(cluster.Nodes), "a critical cluster in production needs a standby", "Declare a second node, or lower the tier.");
        }
        foreach (var manager in fleet.TrafficManagers)
            Password(manager, nameof(manager.Password), manager.Password, manager.Kind == TrafficManagerKind.PgBouncer, mistakes);
        foreach (var region in fleet.Regions.Where(r => r.ComplianceZones.Count == 0))
            mistakes.Add(region, nameof(region.ComplianceZones), "is empty: in production it must be known where data legally is", "List the zones, such as US, or EU and GDPR.");
        foreach (var repository in fleet.BackupRepositories.Where(r => r.Kind == RepositoryKind.S3 && r.Endpoint.StartsWith("http://", StringComparison.OrdinalIgnoreCase)))
            mistakes.Add(repository, nameof(repository.Endpoint), "backups would travel without TLS", "Use an https:// endpoint.");
    }

    private static void Password(object options, string property, string value, bool required, Mistakes mistakes)
    {
        if (value.Length == 0 && required)
            mistakes.Add(options, property, "is missing: production refuses roles without a password", $"Add {property}_FILE, or a reference to a secret store.");
        else if (value.Length is > 0 and < ShortestPassword)
            mistakes.Add(options, property, $"the password is shorter than {ShortestPassword} characters", "Use a longer one; a random one of 32 characters is best.");
    }
}
