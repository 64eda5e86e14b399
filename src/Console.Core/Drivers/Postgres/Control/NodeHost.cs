using System.Globalization;
using NpgsqlTypes;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <summary>What must be done to a node's server from its host. Commands are templates of the region's shell; they get
/// <c>{data}</c>, and where a source is named its <c>{host}</c> and <c>{port}</c> as this host reaches it, and the node's <c>{slot}</c>.
/// Passwords of pg_rewind and pg_basebackup are the host's affair (a password file); settings with secrets come on standard input.</summary>
public sealed class NodeHost(IHostShell shell, FleetModel fleet)
{
    public const string Stop = "postgres.stop";
    /// <summary>Optional: as <see cref="Stop"/>, but ends as soon as the control file says that the server is shut down. From then on it writes
    /// nothing, though its processes take a moment to go.</summary>
    public const string ShutDown = "postgres.shutdown";
    public const string Kill = "postgres.kill";
    public const string Start = "postgres.start";
    /// <summary>Prints what <c>pg_controldata</c> prints.</summary>
    public const string ControlData = "postgres.control";
    /// <summary>Reads settings from standard input, appends them to postgresql.auto.conf and creates standby.signal.</summary>
    public const string Demote = "postgres.demote";
    /// <summary>Removes standby.signal: the node starts as the primary that it was.</summary>
    public const string Restore = "postgres.restore";
    /// <summary>pg_rewind against the source, keeping the node's own configuration files.</summary>
    public const string Rewind = "postgres.rewind";
    /// <summary>A fresh copy of the source, keeping the node's own configuration files.</summary>
    public const string BaseBackup = "postgres.basebackup";

    /// <summary>Prints the end of the server's log.</summary>
    public const string Log = "postgres.log";

    public bool Offers(string region, string command) => shell.Offers(region, command);

    /// <summary>Fast shutdown: standbys that stream get the last of the log. Returns when the server is gone.</summary>
    /// <returns>what the control file says then, when the command tells</returns>
    public async Task<ControlFile?> StopAsync(string cluster, string region, CancellationToken cancel) =>
        ControlFile.Parse((await RunAsync(Stop, cluster, region, null, cancel)).Output);

    /// <summary>Fast shutdown for a moment in which clients wait: returns when the server can write nothing more. It may still be about to go:
    /// <see cref="StopAsync"/> before it is started again.</summary>
    /// <returns>what the control file says then, when the command tells</returns>
    public async Task<ControlFile?> ShutDownAsync(string cluster, string region, CancellationToken cancel) =>
        ControlFile.Parse((await RunAsync(Offers(region, ShutDown) ? ShutDown : Stop, cluster, region, null, cancel)).Output);

    /// <summary>SIGKILL to every process of the server; other signals stay pending on a stopped one.</summary>
    public Task KillAsync(string cluster, string region, CancellationToken cancel) => RunAsync(Kill, cluster, region, null, cancel);

    public Task StartAsync(string cluster, string region, CancellationToken cancel) => RunAsync(Start, cluster, region, null, cancel);

    public Task RestoreAsync(string cluster, string region, CancellationToken cancel) => RunAsync(Restore, cluster, region, null, cancel);

    public async Task<ControlFile> ControlAsync(string cluster, string region, CancellationToken cancel) =>
        ControlFile.Parse((await RunAsync(ControlData, cluster, region, null, cancel)).Output)
            ?? throw new HostShellException($"{ControlData} in {region} did not print a control file.");

    /// <summary>Makes a stopped node start as a standby of <paramref name="source"/>.</summary>
    public Task DemoteAsync(string cluster, string region, string source, string synchronousNames, CancellationToken cancel)
    {
        var options = fleet.Clusters[cluster];
        return RunAsync(Demote, cluster, region,
            $"primary_conninfo = {NodeSql.Literal(Upstream.Conninfo(fleet, cluster, region, source))}\n"
            + $"primary_slot_name = {NodeSql.Literal(Upstream.SlotOf(options, region))}\n"
            + $"synchronous_standby_names = {NodeSql.Literal(synchronousNames)}\n", cancel);
    }

    /// <returns>null: it was rewound; otherwise why it cannot be and a fresh copy is needed, in the command's last words</returns>
    public async Task<string?> RewindAsync(string cluster, string region, string source, CancellationToken cancel)
    {
        var result = await shell.RunAsync(region, Rewind, From(cluster, region, source), null, cancel);
        if (result.ExitCode == 0) return null;
        var said = $"{result.Output}\n{result.Error}".Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return said.LastOrDefault() ?? string.Create(CultureInfo.InvariantCulture, $"exit code {result.ExitCode}");
    }

    public Task CopyAsync(string cluster, string region, string source, CancellationToken cancel) =>
        shell.RequireAsync(region, BaseBackup, From(cluster, region, source), null, cancel);

    private Dictionary<string, string> From(string cluster, string region, string source)
    {
        var address = Upstream.Address(fleet, cluster, region, source);
        var colon = address.LastIndexOf(':');
        return new Dictionary<string, string>
        {
            ["data"] = DataDirectory(cluster, region),
            ["host"] = address[..colon],
            ["port"] = address[(colon + 1)..],
            ["slot"] = Upstream.SlotOf(fleet.Clusters[cluster], region),
        };
    }

    /// <returns>the end of the server's log; empty where the shell does not offer it</returns>
    public async Task<string> LogAsync(string cluster, string region, CancellationToken cancel) =>
        Offers(region, Log) ? (await RunAsync(Log, cluster, region, null, cancel)).Output : "";

    /// <returns>what it printed</returns>
    public async Task<string> RunHookAsync(string region, string command, IReadOnlyDictionary<string, string> arguments, CancellationToken cancel) =>
        (await shell.RequireAsync(region, command, arguments, null, cancel)).Output.Trim();

    /// <returns>whether the command ended with 0</returns>
    public async Task<bool> SucceedsAsync(string region, string command, IReadOnlyDictionary<string, string> arguments, CancellationToken cancel) =>
        (await shell.RunAsync(region, command, arguments, null, cancel)).ExitCode == 0;

    private Task<HostCommandResult> RunAsync(string command, string cluster, string region, string? input, CancellationToken cancel) =>
        shell.RequireAsync(region, command, new Dictionary<string, string> { ["data"] = DataDirectory(cluster, region) }, input, cancel);

    private string DataDirectory(string cluster, string region) => fleet.Clusters[cluster].Nodes.First(n => n.Region == region).DataDirectory;
}

/// <summary>The part of a control file that matters here.</summary>
/// <param name="State">as in <c>shut down</c>, <c>in production</c>, <c>in archive recovery</c></param>
/// <param name="Checkpoint">position of the latest checkpoint; of a server that was shut down it is its last record</param>
public sealed record ControlFile(string State, NpgsqlLogSequenceNumber Checkpoint, int Timeline)
{
    public bool ShutDown => State is "shut down" or "shut down in recovery";

    public static ControlFile? Parse(string text)
    {
        var values = text.Split('\n').Select(l => l.Split(':', 2)).Where(p => p.Length == 2).GroupBy(p => p[0].Trim()).ToDictionary(g => g.Key, g => g.First()[1].Trim());
        return values.TryGetValue("Database cluster state", out var state) && values.TryGetValue("Latest checkpoint location", out var checkpoint)
            && values.TryGetValue("Latest checkpoint's TimeLineID", out var timeline)
            ? new ControlFile(state, NpgsqlLogSequenceNumber.Parse(checkpoint), int.Parse(timeline, System.Globalization.CultureInfo.InvariantCulture))
            : null;
    }
}
