using System.ComponentModel;
using System.Diagnostics;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Postgres;

/// <summary>PostgreSQL's pg_dump, pg_dumpall and pg_restore as processes of the console. Passwords go by the environment, never on a command line.</summary>
/// <param name="directory">where they are; empty: found by PATH</param>
internal sealed class DumpPrograms(string directory)
{
    /// <summary>The roles as SQL, without their passwords.</summary>
    public async Task<string> RolesAsync(ClusterOptions cluster, string address, CancellationToken cancel)
    {
        var text = "";
        await OfNodeAsync("pg_dumpall", ["--roles-only", "--no-role-passwords", "--no-password", $"--database={cluster.Database}", $"--dbname={Connection(cluster, address)}"], cluster, address,
            async (output, stop) => text = await new StreamReader(output).ReadToEndAsync(stop), cancel);
        return text;
    }

    /// <summary>The database in custom format. It is whole only when this returns.</summary>
    public Task DumpAsync(ClusterOptions cluster, string address, Func<Stream, CancellationToken, Task> output, CancellationToken cancel) =>
        OfNodeAsync("pg_dump", ["--format=custom", "--compress=1", "--no-password", "--lock-wait-timeout=300s", $"--dbname={Connection(cluster, address)}"], cluster, address, output, cancel);

    /// <summary>Whether pg_restore can read a dump: its table of contents.</summary>
    /// <param name="input">writes the dump; pg_restore does not read all of it</param>
    /// <returns>entries, or what pg_restore says is wrong</returns>
    /// <exception cref="BackupEngineException">pg_restore is not there, which says nothing about the dump</exception>
    public async Task<(int Entries, string Wrong)> ListAsync(Func<Stream, CancellationToken, Task> input, CancellationToken cancel)
    {
        var listed = "";
        var (exit, error) = await RunAsync("pg_restore", ["--list"], "", input, async (output, stop) => listed = await new StreamReader(output).ReadToEndAsync(stop), cancel);
        return exit == 0 ? (listed.Split('\n').Count(l => l.Length > 0 && l[0] != ';'), "") : (0, error.Trim());
    }

    private async Task OfNodeAsync(string program, string[] arguments, ClusterOptions cluster, string address, Func<Stream, CancellationToken, Task> output, CancellationToken cancel)
    {
        var (exit, error) = await RunAsync(program, arguments, cluster.Password, null, output, cancel);
        if (exit != 0) throw DumpErrors.Translate(program, address, cluster.Username, error);
    }

    private async Task<(int Exit, string Error)> RunAsync(
        string program, string[] arguments, string password, Func<Stream, CancellationToken, Task>? input, Func<Stream, CancellationToken, Task> output, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(Path.Combine(directory, program), arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var own in start.Environment.Keys.Where(k => k.StartsWith("PG", StringComparison.Ordinal)).ToList()) start.Environment.Remove(own);
        (start.Environment["LC_ALL"], start.Environment["PGPASSFILE"]) = ("C", "/dev/null");
        if (password.Length > 0) start.Environment["PGPASSWORD"] = password;
        using var process = Start(start, program);
        try
        {
            var error = process.StandardError.ReadToEndAsync(cancel);
            var feeding = FeedAsync(process, input, cancel);
            await Task.WhenAll(feeding, output(process.StandardOutput.BaseStream, cancel));
            await process.WaitForExitAsync(cancel);
            return (process.ExitCode, await error);
        }
        catch
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static Process Start(ProcessStartInfo start, string program)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw new BackupEngineException($"{program} cannot be run where the console runs ({e.Message}). Install postgresql-client of the server's version there, or name the programs' directory in Backups:PgDump:N:Programs.", e) { Final = true };
        }
    }

    private static async Task FeedAsync(Process process, Func<Stream, CancellationToken, Task>? input, CancellationToken cancel)
    {
        try
        {
            if (input is not null) await input(process.StandardInput.BaseStream, cancel);
        }
        catch
        {
            process.Kill(entireProcessTree: true); // it would wait for the rest for ever, and its reader with it
            throw;
        }
        try
        {
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            return; // it ended before: its exit code says why
        }
    }

    private static string Connection(ClusterOptions cluster, string address)
    {
        var at = HostPort.Parse(address);
        return $"host={Word(at.Host)} port={at.Port} dbname={Word(cluster.Database)} user={Word(cluster.Username)} application_name=opsconsole-backup connect_timeout=10 "
            + "keepalives_idle=10 keepalives_interval=5 keepalives_count=6 options='-c synchronous_commit=local'";
    }

    private static string Word(string value) => $"'{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";
}

/// <summary>From what the programs and the server say to what a person does about it.</summary>
internal static class DumpErrors
{
    // Words of messages with LC_ALL=C; the first that is found counts.
    private static readonly (string Words, string Remedy, bool Final)[] Known =
    [
        ("password authentication failed", "The role's password is wrong: mend Fleet:Clusters:N:Password (or the file that Password_FILE names), then take the backup again.", true),
        ("no pg_hba.conf entry", "Add a line for the console's address and this role to the node's pg_hba.conf.", true),
        ("server version mismatch", "pg_dump is older than the server: install postgresql-client of the server's version where the console runs, and name its directory in Backups:PgDump:N:Programs.", true),
        ("permission denied", "The role must read everything: GRANT pg_read_all_data TO it.", true),
        ("does not exist", "Mend the name under Fleet:Clusters:N.", true),
        ("conflict with recovery", "The standby put replay first: the dump is taken from another node; raise max_standby_streaming_delay there for long dumps.", false),
        ("lock timeout", "Somebody holds a table exclusively: take the backup when that has ended.", false),
    ];

    public static BackupEngineException Translate(string program, string address, string role, string said, Exception? inner = null)
    {
        var text = said.Trim();
        var (_, remedy, final) = Known.FirstOrDefault(k => text.Contains(k.Words, StringComparison.Ordinal));
        var words = text.Length == 0 ? "it said nothing" : text.Length <= 400 ? text : text[..400] + "…";
        return new BackupEngineException($"{program} of {address} as {role} failed: {words.TrimEnd('.')}. {remedy ?? "Look at the node and its log; the backup is taken from another node or later."}", inner ?? new InvalidOperationException(words)) { Final = final };
    }
}
