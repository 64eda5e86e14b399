namespace OpsConsole.Core.Fleet.Configuration;

internal static class RegionRules
{
    public static void Check(FleetOptions fleet, Mistakes mistakes)
    {
        if (fleet.Regions.Count == 0)
        {
            mistakes.Add(fleet, nameof(fleet.Regions), "no region is declared", $"Declare at least one region; {FleetConfiguration.Guide} shows how.");
            return;
        }
        mistakes.Unique(fleet.Regions, nameof(RegionOptions.Id), r => r.Id, "the id");
        mistakes.Unique(fleet.Regions.Where(r => r.Priority > 0), nameof(RegionOptions.Priority), r => r.Priority.ToString(System.Globalization.CultureInfo.InvariantCulture), "the priority");
        OnePrimary(fleet, mistakes);
        foreach (var region in fleet.Regions)
            Check(region, mistakes);
    }

    private static void OnePrimary(FleetOptions fleet, Mistakes mistakes)
    {
        var primaries = fleet.Regions.Where(r => mistakes.IsGiven(r, nameof(r.Role)) && r.Role == RegionRole.Primary).ToList();
        if (primaries.Count == 0)
            mistakes.Add(fleet, nameof(fleet.Regions), "no region has the role primary", "Give exactly one region \"Role\": \"primary\".");
        foreach (var another in primaries.Skip(1))
            mistakes.Add(another, nameof(another.Role), $"a second region has the role primary; the first is {primaries[0].Id}", "Give exactly one region the role primary, the others secondary, tertiary or quaternary.");
    }

    private static void Check(RegionOptions region, Mistakes mistakes)
    {
        if (region.Latitude is null != region.Longitude is null)
            mistakes.Add(region, region.Latitude is null ? nameof(region.Latitude) : nameof(region.Longitude), "is missing while the other half of the position is given", "Give both or neither.");
        for (var i = 0; i < region.ComplianceZones.Count; i++)
            if (string.IsNullOrWhiteSpace(region.ComplianceZones[i]))
                mistakes.Add(region, $"{nameof(region.ComplianceZones)}:{i}", "is empty", "Write the name of a zone such as US or GDPR, or take the entry out.");
            else if (region.ComplianceZones.Take(i).Contains(region.ComplianceZones[i], StringComparer.OrdinalIgnoreCase))
                mistakes.Add(region, $"{nameof(region.ComplianceZones)}:{i}", $"the zone {region.ComplianceZones[i]} is listed twice", "List each zone once.");
        if (region.Shell is { Kind: ShellKind.Ssh } shell && mistakes.IsGiven(shell, nameof(shell.Kind)))
            CheckSsh(shell, mistakes);
        foreach (var (name, template) in region.Shell?.Commands ?? [])
            if (string.IsNullOrWhiteSpace(template))
                mistakes.Add(region.Shell!, $"{nameof(ShellOptions.Commands)}:{name}", "the command is empty", "Write the command, or take the entry out.");
    }

    private static void CheckSsh(ShellOptions shell, Mistakes mistakes)
    {
        (string Name, string Value, string Example)[] needed =
        [
            (nameof(shell.Host), shell.Host, "the host's name or address"),
            (nameof(shell.User), shell.User, "the account to sign in as"),
            (nameof(shell.KeyFile), shell.KeyFile, "the path of the private key"),
            (nameof(shell.HostKeyFingerprint), shell.HostKeyFingerprint, "SHA256:... of the host key, so that another host is refused"),
        ];
        foreach (var (name, value, example) in needed)
            if (value.Length == 0)
                mistakes.Add(shell, name, "is missing: an ssh shell needs it", $"Add {example}.");
    }
}
