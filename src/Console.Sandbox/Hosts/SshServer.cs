using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Hosts;

/// <summary>The shell of a region's host: a real sshd that is not root, takes the console's key and those of the other regions' hosts and no password, and has a host key of its
/// own. Its sessions carry the run's marker, so that what they start ends with the sandbox.</summary>
public sealed class SshServer(Supervisor supervisor, SandboxPaths paths, PortPlan ports, string clientKey, string region)
{
    private static readonly string[] Daemons = ["/usr/sbin/sshd", "/usr/bin/sshd"];
    private static readonly string[] NoPrefix = [];
    private static readonly string[] KeyCommand = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "opsconsole", "-f"];

    private string HostKey => HostKeyOf(paths, region);

    public static string HostKeyOf(SandboxPaths paths, string region) => Path.Combine(paths.Site(region), "ssh_host_key");

    /// <summary>As <c>SHA256:...</c>.</summary>
    public string Fingerprint { get; private set; } = "";

    /// <summary>The key pair with which the console reaches every region; made at the first start.</summary>
    public static async Task<string> ClientKeyAsync(SandboxPaths paths, CancellationToken cancel)
    {
        var key = Path.Combine(paths.Secrets, "console-ssh-key");
        await MakeKeyAsync(key, NoPrefix, cancel);
        return key;
    }

    public async Task StartAsync(CancellationToken cancel)
    {
        var listed = await Command.RequireAsync([.. supervisor.User.Prefix, "ssh-keygen", "-lf", HostKey + ".pub"], null, cancel);
        Fingerprint = listed.Split(' ')[1];
        var authorized = Path.Combine(paths.Site(region), "authorized_keys");
        supervisor.User.Write(authorized, await File.ReadAllTextAsync(clientKey + ".pub", cancel) + await PeerKeys.AuthorizedAsync(paths, region, cancel));
        var configuration = Path.Combine(paths.Site(region), "sshd_config");
        supervisor.User.Write(configuration, $"""
            ListenAddress 127.0.0.1:{ports.Ssh(region)}
            HostKey {HostKey}
            PidFile none
            AuthorizedKeysFile {authorized}
            PubkeyAuthentication yes
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            UsePAM no
            StrictModes no
            AllowUsers {supervisor.User.Name}
            MaxStartups 100
            MaxSessions 50
            UseDNS no
            PrintMotd no
            PrintLastLog no
            X11Forwarding no
            AllowTcpForwarding no
            SetEnv {ChildProcess.MarkerVariable}={supervisor.Marker}
            LogLevel ERROR
            """ + "\n");
        await InstallFaultsAsync(cancel);
        var sshd = Daemons.FirstOrDefault(File.Exists)
            ?? throw new SandboxException("sshd is not installed (package openssh-server). run.sh installs it.");
        supervisor.Start(new ChildSpec($"{region}-sshd", [sshd, "-D", "-e", "-f", configuration], paths.Site(region)));
    }

    // The script behind the commands chaos.*, as an operator would install it on a host.
    private async Task InstallFaultsAsync(CancellationToken cancel)
    {
        await using var resource = typeof(SshServer).Assembly.GetManifestResourceStream("faults.sh") ?? throw new SandboxException("faults.sh is not in the program.");
        using var reader = new StreamReader(resource);
        supervisor.User.Write(paths.FaultScript(region), await reader.ReadToEndAsync(cancel));
    }

    internal static async Task MakeKeyAsync(string path, IEnumerable<string> prefix, CancellationToken cancel)
    {
        if (!File.Exists(path))
        {
            await Command.RequireAsync([.. prefix, .. KeyCommand, path], null, cancel);
        }
    }
}
