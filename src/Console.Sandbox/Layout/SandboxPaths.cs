using System.Security.Cryptography;
using System.Text;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Layout;

/// <summary>Where things lie under the sandbox's directory.</summary>
public sealed class SandboxPaths
{
    private SandboxPaths(string root, string sites)
    {
        Root = root;
        SitesRoot = sites;
    }

    public string Root { get; }
    /// <summary>Data and configuration of the sites' processes; the unprivileged user can reach it.</summary>
    public string SitesRoot { get; }
    /// <summary>Beside the sites' data, so that commands on the hosts can write there, too.</summary>
    public string Logs => Path.Combine(Path.GetDirectoryName(SitesRoot) == Root ? Root : SitesRoot, "logs");
    public string Secrets => Path.Combine(Root, "secrets");
    public string FleetFile => Path.Combine(Root, "fleet.json");
    public string CredentialsFile => Path.Combine(Root, "credentials.json");
    public string EndpointsFile => Path.Combine(Root, "endpoints.json");
    public string LockFile => Path.Combine(Root, ".lock");

    /// <summary>Tells the processes of this directory from those of another sandbox.</summary>
    public string Id => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Root)))[..12];

    public string Site(string site) => Path.Combine(SitesRoot, site);
    public string PostgresData(string site) => Path.Combine(Site(site), "postgres");
    /// <summary>Passwords for libpq's programs on a region's host.</summary>
    public string PasswordFile(string region) => Path.Combine(Site(region), "pgpass");
    /// <summary>Where experiments may fill the disk of a region's host.</summary>
    public string Scratch(string region) => Path.Combine(Site(region), "scratch");
    public string FaultScript(string region) => Path.Combine(Site(region), "faults.sh");
    /// <summary>Present while a region's node is being stopped: its archiver ends at once instead of bringing the rest of the log away first.</summary>
    public string ArchiveHold(string region) => Path.Combine(Site(region), "archive.hold");
    /// <summary>Restored instances of a region, one directory for each port.</summary>
    public string Restored(string region) => Path.Combine(Site(region), "restored");
    public string Log(string name) => Path.Combine(Logs, name + ".log");

    /// <summary>Makes the directories. As root, the unprivileged user must be able to pass through every parent; where a parent
    /// forbids it, the sites' data goes to /var/tmp instead, and <paramref name="say"/> tells so.</summary>
    public static async Task<SandboxPaths> PrepareAsync(string root, RunUser user, Action<string> say)
    {
        Directory.CreateDirectory(root);
        root = new DirectoryInfo(root).ResolveLinkTarget(true)?.FullName ?? Path.GetFullPath(root).TrimEnd('/');
        var paths = new SandboxPaths(root, Path.Combine(root, "sites"));
        if (user.Switches)
        {
            File.SetUnixFileMode(root, File.GetUnixFileMode(root) | UnixFileMode.OtherExecute);
            if (!await user.CanEnterAsync(root))
            {
                paths = new SandboxPaths(root, $"/var/tmp/opsconsole-{paths.Id}");
                say($"{user.Name} cannot enter {root} (a parent directory forbids it): the fleet's data goes to {paths.SitesRoot}.");
            }
        }

        Directory.CreateDirectory(paths.SitesRoot);
        foreach (var site in Sites.All)
        {
            Directory.CreateDirectory(paths.Site(site));
            user.Own(paths.Site(site));
        }
        Directory.CreateDirectory(paths.Logs);
        user.Own(paths.Logs);
        var shown = Path.Combine(root, "logs");
        if (paths.Logs != shown && !Path.Exists(shown))
        {
            File.CreateSymbolicLink(shown, paths.Logs);
        }
        Directory.CreateDirectory(paths.Secrets, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return paths;
    }
}
