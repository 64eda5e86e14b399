using System.Globalization;
using System.Text;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Failover.Offline;

/// <summary>A failover as commands, for the day on which the console is gone: bash, psql and ssh, from the fleet file alone. It prints, it
/// changes nothing. The script checks before it promotes, and stops at the first thing that is not as it must be.</summary>
/// <param name="secretOf">a shell word that gives a password, by the path of its setting; null: the script asks for it</param>
public sealed class FailoverScript(FleetModel fleet, Func<string, string?> secretOf)
{
    private readonly StringBuilder _text = new();

    /// <param name="target">null: by priority, inside the data's zones</param>
    /// <exception cref="ArgumentException">something is unknown or contradicts itself; the message says what</exception>
    public string Write(string clusterId, string source, string? target, bool planned)
    {
        var cluster = fleet.Clusters.GetValueOrDefault(clusterId) ?? throw new ArgumentException($"--cluster {clusterId} is not declared. Declared: {string.Join(", ", fleet.Clusters.Keys.Order(StringComparer.Ordinal))}.");
        var regions = cluster.Nodes.Select(n => n.Region).ToList();
        if (!regions.Contains(source)) throw new ArgumentException($"--source {source} has no node of {clusterId}. Nodes: {string.Join(", ", regions)}.");
        target ??= fleet.RegionsByPriority.Select(r => r.Id).FirstOrDefault(r => r != source && regions.Contains(r) && Allowed(cluster, r)) ?? throw new ArgumentException($"No other region may take {clusterId} over.");
        if (target == source || !regions.Contains(target)) throw new ArgumentException($"--target {target} is not another region with a node of {clusterId}. Nodes: {string.Join(", ", regions.Where(r => r != source))}.");
        if (!Allowed(cluster, target)) throw new ArgumentException($"--target {target} lies outside the zones that the data is bound to: {string.Join(", ", cluster.ComplianceZones)}.");
        var move = new Move(cluster, source, target, [.. regions.Where(r => r != source && r != target)]);
        Head(move, planned);
        Functions(move);
        if (planned) Switchover(move);
        else Failover(move);
        Close(move, planned);
        return _text.ToString();
    }

    private void Head(Move move, bool planned)
    {
        Line("#!/usr/bin/env bash");
        Line(planned ? $"# Switchover of {move.Cluster.Id} from {move.Source} to {move.Target}: the source serves, nothing is lost." : $"# Failover of {move.Cluster.Id} from {move.Source} to {move.Target}: the source is lost.");
        Line("# Made from the fleet file. Make sure that no console acts on this cluster meanwhile. Read it, then run it from a file (bash FILE), or line by line.");
        Line("# It stops at the first thing that is not as it must be.");
        Line("set -euo pipefail");
        Line("say() { printf '\\n== %s\\n' \"$*\"; }");
        Line("stop() { printf 'STOPPED: %s\\n' \"$*\" >&2; exit 1; }");
        Secret("PGPASSWORD", "Clusters", move.Cluster.Id, $"password of {move.Cluster.Username} on the nodes of {move.Cluster.Id}");
        Line("export PGPASSWORD");
        Secret("REPLICATION_PASSWORD", "Clusters", move.Cluster.Id, $"password of {move.Cluster.ReplicationUsername}, with which standbys stream", "ReplicationPassword");
        foreach (var pooler in Poolers(move.Cluster)) Secret(Name("POOLER", pooler.Id), "TrafficManagers", pooler.Id, $"password of {pooler.Username} on {pooler.Id}");
    }

    /// <summary>One function for each thing that is spoken to, so that the steps below can be read.</summary>
    private void Functions(Move move)
    {
        Section("who is spoken to");
        foreach (var node in move.Cluster.Nodes)
        {
            var at = HostPort.Parse(node.Address);
            Line($"{Node(node.Region)}() {{ psql -X -q -A -t -v ON_ERROR_STOP=1 \"host={at.Host} port={at.Port} user={move.Cluster.Username} dbname={move.Cluster.Database} connect_timeout=5\" \"$@\"; }}");
        }
        foreach (var pooler in Poolers(move.Cluster))
        {
            var at = HostPort.Parse(pooler.Address);
            Line($"{Name("pooler", pooler.Id)}() {{ PGPASSWORD=\"${Name("POOLER", pooler.Id)}\" psql -X -q -A -t \"host={at.Host} port={at.Port} user={pooler.Username} dbname=pgbouncer connect_timeout=5\" -c \"$1\"; }}");
        }
        foreach (var proxy in Proxies())
        {
            var at = HostPort.Parse(proxy.Address);
            Line($"{Name("proxy", proxy.Id)}() {{ exec 3<>/dev/tcp/{at.Host}/{at.Port}; printf '%s\\n' \"$1\" >&3; cat <&3; exec 3>&-; }}");
        }
        Line("# Keeps of the keys that a host shows the one that the fleet file declares: port, host, fingerprint.");
        Line("trust() { ssh-keyscan -T 5 -p \"$1\" \"$2\" 2>/dev/null | while read -r key; do if [ \"$(printf '%s\\n' \"$key\" | ssh-keygen -lf - 2>/dev/null | cut -d' ' -f2)\" = \"$3\" ]; then printf '%s\\n' \"$key\"; fi; done || true; }");
        foreach (var region in new[] { move.Source, move.Target }.Where(r => fleet.Regions[r].Shell is not null)) Shell(region, fleet.Regions[region].Shell!);
        Line($"follow() {{ printf \"ALTER SYSTEM SET primary_conninfo = 'host=%s port=%s user={move.Cluster.ReplicationUsername} password=''%s'' application_name=%s connect_timeout=3 keepalives_idle=5'\" \"$1\" \"$2\" \"$REPLICATION_PASSWORD\" \"$3\"; }}");
    }

    private void Failover(Move move)
    {
        Cut(move);
        Step($"Fence {move.Source}", "Without an answer from its host the standbys below make sure that it can acknowledge nothing more.");
        if (Command(move.Source, NodeHost.Kill) is { } kill) Line($"{Host(move.Source)} {Word(Fill(kill, move, move.Source))} || echo 'its host does not answer'");
        else Line($"# {move.Source} declares no {NodeHost.Kill}: stop its server by hand if you can.");
        Step("Detach the standbys", "From here on what they hold is final.");
        Line("detached=0");
        foreach (var region in move.Standbys)
            Line($"if {Node(region)} -c \"ALTER SYSTEM SET primary_conninfo = ''\" -c 'SELECT pg_reload_conf()'; then detached=$((detached + 1)); {Reached(region)}=1; else {Reached(region)}=; echo '{region} is not in reach'; fi");
        var needed = move.Cluster.SynchronousStandbys == 0 ? 0 : move.Cluster.Nodes.Count - move.Cluster.SynchronousStandbys;
        if (needed == 0) Line("[ -n \"${ACCEPT_LOSS:-}\" ] || stop 'commits are not confirmed by standbys: acknowledged rows may be lost. To accept that, set ACCEPT_LOSS=1'");
        else Line($"[ \"$detached\" -ge {needed} ] || [ -n \"${{ACCEPT_LOSS:-}}\" ] || stop \"$detached of {needed} standbys are in reach: acknowledged rows may be lost. To accept that, set ACCEPT_LOSS=1\"");
        Line($"[ -n \"${Reached(move.Target)}\" ] || stop '{move.Target} is not in reach: choose another --target'");
        Step($"{move.Target} must hold the most", "Otherwise the standby that holds more is the target.");
        foreach (var region in move.Standbys) Line($"for i in 1 2 3 4 5 6 7 8 9 10; do [ -z \"${Reached(region)}\" ] || [ \"$({Node(region)} -c 'SELECT count(*) FROM pg_stat_wal_receiver')\" = 0 ] && break; sleep 0.3; done");
        Line($"most=$({Node(move.Target)} -c 'SELECT pg_last_wal_receive_lsn()')");
        foreach (var region in move.Others)
            Line($"[ -z \"${Reached(region)}\" ] || [ \"$({Node(region)} -c \"SELECT pg_last_wal_receive_lsn() <= '$most'::pg_lsn\")\" = t ] || stop '{region} holds more than {move.Target}: make the script again with --target {region}'");
        Point(move);
        Promote(move);
    }

    private void Switchover(Move move)
    {
        Step($"{move.Target} confirms commits", "Every acknowledged row is then there.");
        foreach (var region in move.Standbys) Line($"{Reached(region)}=1");
        Line($"{Node(move.Source)} -c 'CHECKPOINT'; {Node(move.Target)} -c 'CHECKPOINT'");
        Line($"{Node(move.Source)} -c {Word($"ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (\"{Upstream.NameOf(move.Cluster, move.Target)}\")'")} -c 'SELECT pg_reload_conf()'");
        Point(move);
        Step("Hold clients back and stop the source", "If this takes too long, RESUME and begin again later.");
        foreach (var (pooler, database) in Pools(move.Cluster)) Line($"{Name("pooler", pooler.Id)} 'PAUSE {database}'");
        if (Command(move.Source, NodeHost.Stop) is { } stopped) Line($"{Host(move.Source)} {Word(Fill(stopped, move, move.Source))}");
        else Line($"read -rp 'Stop the server in {move.Source} (pg_ctl stop -m fast), then press Enter. ' _");
        Line($"if {Node(move.Source)} -c 'SELECT 1' >/dev/null 2>&1; then {Resumes(move)}stop '{move.Source} still runs; clients go on there'; fi");
        if (Command(move.Source, NodeHost.ControlData) is { } control)
        {
            Line($"last=$({Host(move.Source)} {Word(Fill(control, move, move.Source))} | sed -n 's/^Latest checkpoint location: *//p')");
            Line($"for i in 1 2 3 4 5 6 7 8 9 10; do [ \"$({Node(move.Target)} -c \"SELECT pg_last_wal_receive_lsn() > '$last'::pg_lsn\")\" = t ] && break; sleep 0.3; done");
            Line($"[ \"$({Node(move.Target)} -c \"SELECT pg_last_wal_receive_lsn() > '$last'::pg_lsn\")\" = t ] || stop '{move.Target} does not hold the last record: start {move.Source} again and RESUME'");
        }
        Promote(move);
    }

    /// <summary>The target is ready for standbys, and the others stream from it.</summary>
    private void Point(Move move)
    {
        Step($"The others follow {move.Target}", "Its commits are confirmed from the first.");
        foreach (var region in move.Cluster.Nodes.Select(n => n.Region).Where(r => r != move.Target))
        {
            var slot = Upstream.SlotOf(move.Cluster, region);
            Line($"{Node(move.Target)} -c \"SELECT pg_create_physical_replication_slot('{slot}') WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{slot}')\"");
        }
        var names = move.Cluster.Nodes.Where(n => n.Region != move.Target).Select(n => Upstream.NameOf(move.Cluster, n.Region)).ToList();
        var confirmations = Math.Min(move.Cluster.SynchronousStandbys, move.Others.Count);
        Line($"confirm={confirmations.ToString(CultureInfo.InvariantCulture)} others=0");
        foreach (var region in move.Others) Line($"[ -z \"${Reached(region)}\" ] || others=$((others + 1))");
        Line("[ \"$others\" -ge \"$confirm\" ] || confirm=$others");
        Line($"names=''; [ \"$confirm\" = 0 ] || names=\"ANY $confirm ({string.Join(", ", names.Select(n => $"\\\"{n}\\\""))})\"");
        Line($"{Node(move.Target)} -c \"ALTER SYSTEM SET synchronous_standby_names = '$names'\" -c 'SELECT pg_reload_conf()'");
        foreach (var region in move.Others)
        {
            var at = HostPort.Parse(Upstream.Address(fleet, move.Cluster.Id, region, move.Target));
            Line($"[ -z \"${Reached(region)}\" ] || {Node(region)} -c \"$(follow {at.Host} {at.Port} {Upstream.NameOf(move.Cluster, region)})\" -c \"ALTER SYSTEM SET primary_slot_name = '{Upstream.SlotOf(move.Cluster, region)}'\" -c 'SELECT pg_reload_conf()'");
        }
    }

    private void Promote(Move move)
    {
        Step($"Promote {move.Target}", "The point of no return.");
        Line($"{Node(move.Target)} -c 'SELECT pg_promote(true, 60)'");
        Line($"[ \"$({Node(move.Target)} -c 'SELECT pg_is_in_recovery()')\" = f ] || stop '{move.Target} is still in recovery'");
        Line($"for i in $(seq 30); do [ \"$({Node(move.Target)} -c \"SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND sync_state IN ('quorum', 'sync')\")\" -ge \"$confirm\" ] && break; sleep 0.5; done");
        Step($"Lead clients to {move.Target}", "To nobody else.");
        foreach (var proxy in Proxies())
        {
            if (proxy.WriteBackend.Length > 0)
            {
                var closed = proxy.Servers.Where(s => s.Value != move.Target).Select(s => $"set server {proxy.WriteBackend}/{s.Key} state maint");
                var open = proxy.Servers.Where(s => s.Value == move.Target).Select(s => $"set server {proxy.WriteBackend}/{s.Key} state ready");
                Line($"{Name("proxy", proxy.Id)} {Word(string.Join("; ", closed.Concat(open)))}");
            }
            if (proxy.HttpBackend.Length > 0) Http(proxy, move);
        }
        foreach (var (pooler, database) in Pools(move.Cluster)) Line($"{Name("pooler", pooler.Id)} 'RESUME {database}' || true  # an error when it was not paused");
    }

    /// <summary>The source gets no requests any more; the target gets some, whatever it had.</summary>
    private void Http(TrafficManagerOptions proxy, Move move)
    {
        foreach (var server in proxy.Servers.Where(s => s.Value == move.Target).Select(s => $"{proxy.HttpBackend}/{s.Key}"))
            Line($"{Name("proxy", proxy.Id)} {Word($"get weight {server}")} | grep -q '^0 ' && {Name("proxy", proxy.Id)} {Word($"set server {server} weight 100")} || true");
        foreach (var server in proxy.Servers.Where(s => s.Value == move.Source)) Line($"{Name("proxy", proxy.Id)} {Word($"set server {proxy.HttpBackend}/{server.Key} weight 0")}");
    }

    private void Close(Move move, bool planned)
    {
        Step("Verify", "A row is written as clients write, and found on the target.");
        if (move.Cluster.WriteEndpoint.Length > 0)
        {
            var at = HostPort.Parse(move.Cluster.WriteEndpoint);
            Line($"seen=$(psql -X -q -A -t \"host={at.Host} port={at.Port} user={move.Cluster.Username} dbname={move.Cluster.Database} connect_timeout=10\" -c 'CREATE TEMP TABLE opsconsole_offline AS SELECT 1' -c 'SELECT pg_is_in_recovery()' | tail -n 1)");
            Line("[ \"$seen\" = f ] || stop 'the write endpoint does not lead to a primary'");
        }
        var services = new ServiceLines(fleet, new FailoverRequest(move.Cluster.Id, move.Source, move.Target, FailoverStrategy.Immediate, planned, FailoverScope.Full, [], []), (region, command) => $"{Host(region)} {Word(command)}", secretOf).Lines().ToList();
        if (services.Count > 0) Section("Services that stand in for those of the source; what does not work is said and passed over.");
        services.ForEach(Line);
        if (Command(move.Target, RunHook.Command) is { } hook)
        {
            Step("The fleet's hook", "Application configuration and the like.");
            Line($"{Host(move.Target)} {Word(Fill(hook, move, move.Target))}");
        }
        if (!planned && fleet.Options.BackupRepositories.Any(r => r.Region == move.Source) && Command(move.Target, LogCommands.Reach) is { } reach && Command(move.Target, LogCommands.Leave) is { } leave)
        {
            Step($"The repository of {move.Source} leaves the log's way", "Where it does not answer: log would pile up on the new primary.");
            Line($"{Host(move.Target)} {Word(Fill(reach, move, move.Target))} || {Host(move.Target)} {Word(Fill(leave, move, move.Target))} || true");
        }
        Step($"Bring {move.Source} back as a standby", planned ? "It was stopped in order." : "Later, when its host answers: stopped, rewound (else copied afresh), started.");
        var prefix = planned ? "" : "# ";
        if (Command(move.Source, NodeHost.Demote) is { } demote && Command(move.Source, NodeHost.Start) is { } start)
        {
            if (!planned && Command(move.Source, NodeHost.Rewind) is { } rewind)
            {
                var copy = Command(move.Source, NodeHost.BaseBackup) is { } fresh ? $" || {Host(move.Source)} {Word(Fill(fresh, move, move.Source))}" : "";
                Line($"{prefix}{Node(move.Target)} -c CHECKPOINT");
                Line($"{prefix}{Host(move.Source)} {Word(Fill(rewind, move, move.Source))}{copy}");
            }
            var at = HostPort.Parse(Upstream.Address(fleet, move.Cluster.Id, move.Source, move.Target));
            Line($"{prefix}printf \"primary_conninfo = 'host=%s port=%s user={move.Cluster.ReplicationUsername} password=''%s'' application_name=%s'\\nprimary_slot_name = '%s'\\n\" {at.Host} {at.Port} \"$REPLICATION_PASSWORD\" {Upstream.NameOf(move.Cluster, move.Source)} {Upstream.SlotOf(move.Cluster, move.Source)} | {Host(move.Source)} {Word(Fill(demote, move, move.Source))}");
            Line($"{prefix}{Host(move.Source)} {Word(Fill(start, move, move.Source))}");
        }
        Line("say 'Done. When the console is back it takes the world as it finds it.'");
    }

    private void Cut(Move move)
    {
        Step($"Cut {move.Source} off from clients", "No write endpoint leads there, its sessions are ended.");
        foreach (var proxy in Proxies().Where(p => p.WriteBackend.Length > 0))
            foreach (var server in proxy.Servers.Where(s => s.Value == move.Source))
                Line($"{Name("proxy", proxy.Id)} {Word($"set server {proxy.WriteBackend}/{server.Key} state maint; shutdown sessions server {proxy.WriteBackend}/{server.Key}")}");
    }

    private string Resumes(Move move) => string.Concat(Pools(move.Cluster).Select(p => $"{Name("pooler", p.Pooler.Id)} 'RESUME {p.Database}'; "));

    private IEnumerable<TrafficManagerOptions> Proxies() => fleet.Options.TrafficManagers.Where(m => m.Kind == TrafficManagerKind.HaProxy);

    private IEnumerable<(TrafficManagerOptions Pooler, string Database)> Pools(ClusterOptions cluster) =>
        fleet.Options.TrafficManagers.Where(m => m.Kind == TrafficManagerKind.PgBouncer).SelectMany(m => m.Databases.Where(d => d.Value == cluster.Id).Select(d => (m, d.Key)));

    private IEnumerable<TrafficManagerOptions> Poolers(ClusterOptions cluster) => Pools(cluster).Select(p => p.Pooler).Distinct();

    private bool Allowed(ClusterOptions cluster, string region) => cluster.ComplianceZones.Count == 0 || fleet.Regions[region].ComplianceZones.Intersect(cluster.ComplianceZones).Any();

    private string? Command(string region, string name) => fleet.Regions[region].Shell?.Commands.GetValueOrDefault(name);

    /// <summary>The template with the arguments that the console would give.</summary>
    private string Fill(string template, Move move, string region)
    {
        var from = region == move.Source ? HostPort.Parse(Upstream.Address(fleet, move.Cluster.Id, move.Source, move.Target)) : null;
        return CommandTemplate.Fill(template, new Dictionary<string, string>
        {
            ["data"] = move.Cluster.Nodes.First(n => n.Region == region).DataDirectory,
            ["host"] = from?.Host ?? "",
            ["port"] = from?.Port.ToString(CultureInfo.InvariantCulture) ?? "",
            ["slot"] = Upstream.SlotOf(move.Cluster, region),
            ["cluster"] = move.Cluster.Id,
            ["source"] = move.Source,
            ["target"] = move.Target,
            ["region"] = move.Source,
        });
    }

    private void Shell(string region, ShellOptions shell)
    {
        if (shell.Kind == ShellKind.Local)
        {
            Line($"{Host(region)}() {{ sh -c \"$1\"; }}");
            return;
        }
        var port = shell.Port.ToString(CultureInfo.InvariantCulture);
        Line($"{Name("known", region)}=$(mktemp); trust {port} {Word(shell.Host)} {Word(shell.HostKeyFingerprint.TrimEnd('='))} >\"${Name("known", region)}\"");
        Line($"{Host(region)}() {{ ssh -i {Word(shell.KeyFile)} -p {port} -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes -o UserKnownHostsFile=\"${Name("known", region)}\" {Word($"{shell.User}@{shell.Host}")} \"$1\"; }}");
    }

    private void Secret(string variable, string section, string id, string what, string name = "Password")
    {
        var list = section == "Clusters" ? fleet.Options.Clusters.Select(c => c.Id).ToList() : [.. fleet.Options.TrafficManagers.Select(m => m.Id)];
        var word = secretOf($"{FleetOptions.Section}:{section}:{list.IndexOf(id).ToString(CultureInfo.InvariantCulture)}:{name}");
        Line(word is null ? $"read -rsp {Word($"{what}: ")} {variable}; echo" : $"{variable}={word}  # {what}");
    }

    private void Step(string name, string why)
    {
        Section(why);
        Line($"say {Word(name)}");
    }

    private void Section(string comment)
    {
        Line("");
        Line($"# {comment}");
    }

    private void Line(string text) => _text.Append(text).Append('\n');

    private static string Node(string region) => Name("node", region);
    private static string Host(string region) => Name("host", region);
    private static string Reached(string region) => Name("reached", region);
    private static string Name(string kind, string id) => $"{kind}_{id.Replace('-', '_')}";

    /// <summary>One word for the shell.</summary>
    public static string Word(string text) => CommandTemplate.Quote(text);

    private sealed record Move(ClusterOptions Cluster, string Source, string Target, IReadOnlyList<string> Others)
    {
        public IEnumerable<string> Standbys => [Target, .. Others];
    }
}
