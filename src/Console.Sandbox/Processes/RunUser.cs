namespace OpsConsole.Sandbox.Processes;

/// <summary>Who the fleet's processes run as: oneself, or for root an unprivileged user, since PostgreSQL, PgBouncer and a
/// key-only sshd want no root.</summary>
public sealed record RunUser(string Name, uint Uid, uint Gid, string Home, bool Switches)
{
    private static readonly string[] Unprivileged = ["postgres", "nobody"];

    public static RunUser Find()
    {
        var uid = Native.EffectiveUser();
        var users = File.ReadLines("/etc/passwd").Select(l => l.Split(':')).Where(f => f.Length >= 7).ToList();
        if (uid != 0)
        {
            var self = users.FirstOrDefault(f => f[2] == uid.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return new RunUser(self?[0] ?? Environment.UserName, uid, Native.EffectiveGroup(), self?[5] ?? "/", false);
        }

        var found = Unprivileged.Select(name => users.FirstOrDefault(f => f[0] == name)).FirstOrDefault(f => f is not null)
            ?? throw new Layout.SandboxException("Neither a user postgres nor nobody exists to run PostgreSQL as; run as an ordinary user.");
        return new RunUser(found[0], uint.Parse(found[2]), uint.Parse(found[3]), found[5], true);
    }

    /// <summary>What goes before a command so that it runs as this user.</summary>
    public IEnumerable<string> Prefix =>
        Switches ? ["setpriv", $"--reuid={Uid}", $"--regid={Gid}", "--clear-groups", "--"] : [];

    public void Own(string path)
    {
        if (Switches)
        {
            Native.Own(path, Uid, Gid);
        }
    }

    /// <summary>Writes a file that this user owns and alone reads.</summary>
    public void Write(string path, string content)
    {
        Layout.AtomicFile.Write(path, content, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Own(path);
    }

    /// <summary>Makes a directory of this user's own.</summary>
    public void MakeDirectory(string path)
    {
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Own(path);
    }

    public async Task<bool> CanEnterAsync(string directory) =>
        (await Command.RunAsync([.. Prefix, "test", "-x", directory])).ExitCode == 0;
}
