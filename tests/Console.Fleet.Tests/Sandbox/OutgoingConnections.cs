using System.Globalization;
using OpsConsole.Sandbox;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Fleet.Tests.Sandbox;

/// <summary>Looks, as netstat does, where the processes of each site have connected to.</summary>
public static class OutgoingConnections
{
    private const string Established = "01";

    /// <summary>Connections that leave a site and are not to a link of that site: there must be none.</summary>
    public static List<string> AroundTheLinks(EmbeddedFleet fleet, out int seen)
    {
        var owners = SocketOwners(fleet);
        var real = RealPorts(fleet.Ports).ToDictionary(p => p.Port, p => p.Site);
        var links = fleet.Ports.Links.ToDictionary(l => l.Port);
        var around = new List<string>();
        seen = 0;
        foreach (var fields in File.ReadLines("/proc/net/tcp").Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (fields[3] != Established || !owners.TryGetValue(fields[9], out var site))
            {
                continue;
            }
            var target = int.Parse(fields[2].Split(':')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (links.TryGetValue(target, out var link))
            {
                seen++;
                if (link.From != site)
                {
                    around.Add($"{site} uses {link.Name}");
                }
            }
            else if (real.TryGetValue(target, out var targetSite) && targetSite != site)
            {
                around.Add($"{site} connects to port {target} of {targetSite} directly");
            }
        }
        return around;
    }

    private static IEnumerable<(int Port, string Site)> RealPorts(PortPlan ports)
    {
        foreach (var region in Sites.Regions.Select(r => r.Id))
        {
            foreach (var port in new[] { ports.Postgres(region), ports.Redis(region), ports.Api(region), ports.Ssh(region), ports.Storage(region) })
            {
                yield return (port, region);
            }
        }
        foreach (var port in new[] { ports.HttpFrontend, ports.WriteFrontend, ports.HaProxyRuntime, ports.PgBouncer })
        {
            yield return (port, Sites.Edge);
        }
    }

    // Socket inode to site, by the working directory of the process that has it open.
    private static Dictionary<string, string> SocketOwners(EmbeddedFleet fleet)
    {
        var owners = new Dictionary<string, string>();
        foreach (var process in Directory.GetDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out _)))
        {
            try
            {
                var directory = Directory.ResolveLinkTarget(Path.Combine(process, "cwd"), false)?.FullName ?? "";
                var site = Sites.All.FirstOrDefault(s => directory == fleet.Paths.Site(s) || directory.StartsWith(fleet.Paths.Site(s) + "/", StringComparison.Ordinal));
                if (site is null)
                {
                    continue;
                }
                foreach (var descriptor in Directory.GetFiles(Path.Combine(process, "fd")))
                {
                    if (new FileInfo(descriptor).LinkTarget is { } target && target.StartsWith("socket:[", StringComparison.Ordinal))
                    {
                        owners[target[8..^1]] = site;
                    }
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue; // it ended while we looked
            }
        }
        return owners;
    }
}
