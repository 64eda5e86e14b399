using System.Globalization;

namespace OpsConsole.Core.Fleet.Configuration;

internal static class ProbeRules
{
    public static void Check(FleetOptions fleet, Mistakes mistakes)
    {
        foreach (var service in fleet.Services)
            foreach (var probe in service.Probes)
                Check(service, probe, fleet, mistakes);
    }

    private static void Check(ServiceOptions service, ProbeOptions probe, FleetOptions fleet, Mistakes mistakes)
    {
        mistakes.Refers(probe, nameof(probe.Node), probe.Node, service.Nodes.Select(n => n.Id), "node of this service");
        if (!mistakes.IsGiven(probe, nameof(probe.Kind)))
            return;
        CheckTarget(probe, mistakes);
        var interval = probe.IntervalSeconds ?? fleet.ProbeIntervalSeconds;
        if (probe.TimeoutSeconds is { } timeout && interval is { } every && timeout > every && probe.IntervalSeconds is not null)
            mistakes.Add(probe, nameof(probe.TimeoutSeconds), string.Create(CultureInfo.InvariantCulture, $"the time-out of {timeout} s is longer than the interval of {every} s, so a dead target would be looked at less often than declared"), "Make the time-out no longer than the interval.");
        if (probe.Kind == ProbeKind.Journey && probe.Steps.Count == 0)
            mistakes.Add(probe, nameof(probe.Steps), "a journey needs at least one step", "Add steps with Name and Url.");
        if (probe.Kind != ProbeKind.Journey && probe.Steps.Count > 0)
            mistakes.Add(probe, nameof(probe.Steps), "only a journey has steps", "Set Kind to journey, or take the steps out.");
        if (probe.Kind == ProbeKind.Queue && probe.Resource.Length == 0)
            mistakes.Add(probe, nameof(probe.Resource), "a queue probe needs the name of its queue", "Add Resource: the key of the list or stream.");
        if (probe.Kind == ProbeKind.Postgres && probe.Username.Length == 0)
            mistakes.Add(probe, nameof(probe.Username), "a PostgreSQL probe needs a role to sign in as", "Add Username (and Password or Password_FILE).");
    }

    private static void CheckTarget(ProbeOptions probe, Mistakes mistakes)
    {
        if (probe.Target.Length == 0)
        {
            if (probe.Kind is not (ProbeKind.Journey or ProbeKind.Host))
                mistakes.Add(probe, nameof(probe.Target), "is missing", $"Add {Wanted(probe.Kind)}.");
            return;
        }
        var right = probe.Kind switch
        {
            ProbeKind.Http => IsUrl(probe.Target, "http", "https"),
            ProbeKind.Tcp or ProbeKind.Postgres or ProbeKind.Redis or ProbeKind.Queue or ProbeKind.Latency => HostPort.TryParse(probe.Target, out _),
            ProbeKind.External => IsUrl(probe.Target, "http", "https") || HostPort.TryParse(probe.Target, out _),
            ProbeKind.Dns => Uri.CheckHostName(probe.Target) == UriHostNameType.Dns,
            _ => true,
        };
        if (!right)
            mistakes.Add(probe, nameof(probe.Target), $"\"{probe.Target}\" does not fit a probe of kind {probe.Kind.ToString().ToLowerInvariant()}", $"Write {Wanted(probe.Kind)}.");
    }

    private static bool IsUrl(string text, params string[] schemes) => new SettingUrlAttribute(schemes).Check(text) is null;

    private static string Wanted(ProbeKind kind) => kind switch
    {
        ProbeKind.Http => "an absolute http:// or https:// URL",
        ProbeKind.External => "an http:// or https:// URL, or host:port",
        ProbeKind.Dns => "a DNS name",
        _ => "host:port, such as 10.0.0.5:5432",
    };
}
