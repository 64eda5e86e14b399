using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Hosts;

/// <summary>With what one region's host reaches another's by ssh, for tools that work across hosts (pgBackRest reading a standby): a key of its own, and the
/// host keys that it trusts, each at the port by which this region reaches that host.</summary>
public sealed class PeerKeys(Supervisor supervisor, SandboxPaths paths, PortPlan ports)
{
    private static readonly IReadOnlyList<string> Regions = [.. Sites.Regions.Select(r => r.Id)];

    /// <summary>ssh with this host's key and trust.</summary>
    public static string Program(SandboxPaths paths, string region) => Path.Combine(paths.Site(region), "ssh.sh");

    /// <summary>Lines of <c>authorized_keys</c>: the other hosts may run commands, and nothing else.</summary>
    public static async Task<string> AuthorizedAsync(SandboxPaths paths, string region, CancellationToken cancel)
    {
        var lines = await Task.WhenAll(Regions.Where(r => r != region).Select(async other => $"restrict {await File.ReadAllTextAsync(Key(paths, other) + ".pub", cancel)}"));
        return string.Concat(lines);
    }

    /// <summary>Makes what is missing.</summary>
    public async Task MakeAsync(CancellationToken cancel)
    {
        await Task.WhenAll(Regions.SelectMany(r => new[] { SshServer.HostKeyOf(paths, r), Key(paths, r) }).Select(key => SshServer.MakeKeyAsync(key, supervisor.User.Prefix, cancel)));
        foreach (var region in Regions)
        {
            var trusted = await Task.WhenAll(Regions.Where(r => r != region).Select(async other =>
            {
                var key = (await File.ReadAllTextAsync(SshServer.HostKeyOf(paths, other) + ".pub", cancel)).Split(' ');
                return $"[127.0.0.1]:{ports.Via(region, other, Services.Ssh)} {key[0]} {key[1].Trim()}\n";
            }));
            var known = Path.Combine(paths.Site(region), "known_hosts");
            supervisor.User.Write(known, string.Concat(trusted));
            supervisor.User.Write(Program(paths, region), $"""
                #!/bin/sh
                exec ssh -i {Key(paths, region)} -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes -o UserKnownHostsFile={known} "$@"

                """);
            File.SetUnixFileMode(Program(paths, region), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static string Key(SandboxPaths paths, string region) => Path.Combine(paths.Site(region), "peer_key");
}
