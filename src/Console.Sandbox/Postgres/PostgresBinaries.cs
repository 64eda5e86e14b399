using System.Globalization;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Sandbox.Postgres;

/// <summary>The newest PostgreSQL on this machine, 15 or later.</summary>
public sealed record PostgresBinaries(string Directory, int Version)
{
    private const int Oldest = 15;

    public string this[string program] => Path.Combine(Directory, program);

    /// <exception cref="SandboxException">None is installed.</exception>
    public static PostgresBinaries Find()
    {
        const string Debian = "/usr/lib/postgresql";
        var versions = System.IO.Directory.Exists(Debian) ? System.IO.Directory.GetDirectories(Debian) : [];
        return versions
            .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var v) ? new PostgresBinaries(Path.Combine(path, "bin"), v) : null)
            .Where(b => b is { Version: >= Oldest } && File.Exists(b["postgres"]) && File.Exists(b["initdb"]))
            .MaxBy(b => b!.Version)
            ?? throw new SandboxException($"PostgreSQL {Oldest} or later is not installed (looked in {Debian}). run.sh installs it.");
    }
}
