using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Postgres;

namespace OpsConsole.Sandbox.Hosts;

/// <summary>The command templates that a region's shell offers, as an operator would write them for a real host. The console quotes
/// what it puts in place of <c>{name}</c>.</summary>
public static class HostCommands
{
    public static Dictionary<string, string> For(PostgresBinaries binaries, SandboxPaths paths, PortPlan ports, string region, string redisConfiguration, string orderCommand)
    {
        var data = paths.PostgresData(region);
        var log = paths.Log($"{region}-postgres");
        var hold = paths.ArchiveHold(region);
        var ctl = $"{binaries["pg_ctl"]} -D {data} -w -t 60 -l {log}";
        // Quicker than pg_ctl, which looks ten times a second; a process that only waits to be reaped is gone. What a copied or rewound directory brings along of its source's own settings is put back.
        const string alive = "{ read -r x y s z < /proc/$p/stat; } 2>/dev/null && [ $s != Z ]";
        // A pid file may outlive its server, whose number another process may have by now: what counts is who works in the directory.
        var serves = $"p=$(head -n 1 {data}/postmaster.pid 2>/dev/null) && [ /proc/$p/cwd -ef {data} ]";
        const string once = "n=$((n+1)); [ $n -eq 1 ] && a=$(pgrep -P $p -f ' archiver') && pkill -KILL -P $a";
        // The state in the control file, cheaper than pg_controldata, which is asked at the end: 1 is "shut down".
        var down = $"[ $(od -An -td4 -j16 -N4 {data}/global/pg_control) -eq 1 ]";
        // Also those that a killed postmaster left behind, or had just forked: while one of them has the old shared memory no server starts.
        var killAll = $"while a=$(for q in $(find -L /proc/[0-9]*/cwd -maxdepth 0 -samefile {data} 2>/dev/null | cut -d / -f 3); do {{ read -r c < /proc/$q/comm; }} 2>/dev/null && [ $c = postgres ] && echo $q; done); [ -n \"$a\" ]; do kill -KILL $a 2>/dev/null; sleep 0.01; done; rm -f {data}/postmaster.pid";
        var keep = $"mkdir -p {data}.keep && cp -p {data}/postgresql.conf {data}/sandbox.conf {data}/pg_hba.conf {data}.keep/";
        // A command of a console that was killed goes on: the next one waits for it. A rewind that is begun again would recover what it has written already as if that were
        // a primary, and leave a log of its own on the new timeline: then only a fresh copy helps.
        var alone = $"exec 9>{data}.lock; flock 9";
        var faults = $"sh {paths.FaultScript(region)} {paths.Scratch(region)}";
        return new Dictionary<string, string>
        {
            ["postgres.start"] = $"{serves} || {{ {killAll}; }}; {ctl} start",
            // The archiver is not waited for: what it has not brought away yet is brought by the next primary (wal.again).
            ["postgres.stop"] = $"touch {hold}; {serves} && kill -INT $p && {{ n=0; while {alive}; do sleep 0.01; {once}; done; }}; rm -f {hold}; {binaries["pg_controldata"]} -D {data}",
            ["postgres.shutdown"] = $"touch {hold}; if {serves}; then kill -INT $p; n=0; until {down} || ! {{ {alive}; }}; do sleep 0.01; {once}; done; else rm -f {hold}; fi; {binaries["pg_controldata"]} -D {data}",
            ["postgres.restart"] = $"{ctl} -m fast restart",
            ["postgres.reload"] = $"{ctl} reload",
            ["postgres.log"] = $"tail -n 40 {log}",
            ["pgbackrest.dropped"] = $"grep -ho \"dropped WAL file '[0-9A-F]*'\" {log} | tail -n 1000; exit 0",
            ["postgres.status"] = $"{binaries["pg_ctl"]} -D {data} status",
            ["postgres.control"] = $"{binaries["pg_controldata"]} -D {data}",
            ["postgres.demote"] = $"umask 077; cat >> {data}/postgresql.auto.conf && touch {data}/standby.signal",
            ["postgres.restore"] = $"rm -f {data}/standby.signal",
            ["postgres.kill"] = killAll,
            ["postgres.freeze"] = Signal(data, "STOP"),
            ["postgres.thaw"] = Signal(data, "CONT"),
            ["postgres.rewind"] = $"{alone}; [ ! -e {data}/backup_label ] && [ ! -e {data}.rewinding ] || {{ echo an earlier rewind was interrupted, or its result was never started >&2; exit 1; }}; {keep}; touch {data}.rewinding; PGPASSFILE={paths.PasswordFile(region)} {binaries["pg_rewind"]} --target-pgdata={data} --source-server=host={{host}}' user={OrdersCluster.Operator} dbname=postgres connect_timeout=5 port='{{port}}; "
                + $"c=$?; cp -p {data}.keep/* {data}/; [ $c -ne 0 ] || rm -f {data}.rewinding; exit $c",
            ["postgres.basebackup"] = $"{alone}; {keep}; rm -rf {data}.new; PGPASSFILE={paths.PasswordFile(region)} {binaries["pg_basebackup"]} -D {data}.new -c fast -X stream -d host={{host}}' user={OrdersCluster.Replicator} connect_timeout=5 port='{{port}} "
                + $"&& cp -p {data}.keep/* {data}.new/ && rm -rf {data} && mv {data}.new {data} && rm -f {data}.rewinding",
            ["postgres.state"] = $"p=$(head -n 1 {data}/postmaster.pid 2>/dev/null); {State}",
            ["redis.start"] = Detached($"redis-server {redisConfiguration}", paths.Log($"{region}-redis")),
            ["redis.stop"] = $"kill -TERM $(cat {paths.Site(region)}/redis.pid)",
            ["redis.kill"] = $"kill -KILL $(cat {paths.Site(region)}/redis.pid)",
            ["redis.freeze"] = $"kill -STOP $(cat {paths.Site(region)}/redis.pid)",
            ["redis.thaw"] = $"kill -CONT $(cat {paths.Site(region)}/redis.pid)",
            ["redis.state"] = $"p=$(cat {paths.Site(region)}/redis.pid 2>/dev/null); {State}",
            ["api.start"] = Detached(orderCommand, paths.Log($"{region}-orders")),
            ["api.stop"] = $"pkill -TERM -f orders-api.{paths.Site(region)}/orders.json",
            ["api.kill"] = $"pkill -KILL -f orders-api.{paths.Site(region)}/orders.json",
            ["api.freeze"] = $"pkill -STOP -f orders-api.{paths.Site(region)}/orders.json",
            ["api.thaw"] = $"pkill -CONT -f orders-api.{paths.Site(region)}/orders.json",
            // The brackets keep the pattern from matching this command's own shell.
            ["api.state"] = $"p=$(pgrep -o -f '[o]rders-api.{paths.Site(region)}/orders.json'); {State}",
            ["redis.status"] = $"kill -0 $(cat {paths.Site(region)}/redis.pid)",
            ["api.status"] = $"pgrep -f '[o]rders-api.{paths.Site(region)}/orders.json' >/dev/null",
            ["api.scale"] = $"echo {{percent}} >{paths.Site(region)}/orders.scale && echo sized to {{percent}} %",
            ["failover.hook"] = $"echo primary_region={{target}} >{paths.Site(region)}/application.conf && echo application.conf names {{target}}",
            ["failover.unhook"] = $"echo primary_region={{source}} >{paths.Site(region)}/application.conf && echo application.conf names {{source}}",
            ["chaos.cpu"] = $"{faults} cpu {{tag}} {{seconds}} {{percent}}",
            ["chaos.memory"] = $"{faults} memory {{tag}} {{seconds}} {{megabytes}}",
            ["chaos.disk"] = $"{faults} disk {{tag}} {{seconds}} {{megabytes}}",
            ["chaos.look"] = $"{faults} look {{tag}}",
            ["chaos.revert"] = $"{faults} revert {{tag}}",
            ["host.metrics"] = $"cat /proc/loadavg /proc/stat /proc/meminfo /proc/net/dev; df -Pk {paths.Site(region)}",
            ["host.ping"] = "echo pong",
            ["net.latency"] = $"bash -c '{RoundTrips}' net.latency {{host}} {{port}}",
        };
    }

    // Five timed request round trips to a PostgreSQL: its one-byte answer to the question for TLS. Prints milliseconds, a dash for a lost one.
    // A TCP handshake would be answered by the nearest proxy.
    private const string RoundTrips =
        "for i in 1 2 3 4 5; do ( exec 3<>/dev/tcp/$1/$2 || exit 1; s=${EPOCHREALTIME/./}; "
        + """printf "\\0\\0\\0\\010\\004\\322\\026\\057" >&3; """
        + """read -r -t 5 -N 1 -u 3 a && e=${EPOCHREALTIME/./} && printf "%d.%03d\\n" $(((e-s)/1000)) $(((e-s)%1000)) ) 2>/dev/null || echo -; done""";

    // Of the process p: a stopped one is frozen; a zombie is gone. A pid file may outlive its process, whose number another one may have by now.
    private const string State = "s=$(test -n \"$p\" && ps -o stat= -o args= -p $p 2>/dev/null); "
        + "case \"$s\" in T*) echo frozen;; Z*|\"\") echo gone;; *postgres*|*redis-server*|*orders-api*) echo running;; *) echo gone;; esac";

    // To the postmaster and all its children: a stopped backend does not notice that its postmaster is gone.
    private static string Signal(string data, string signal) =>
        $"p=$(head -n 1 {data}/postmaster.pid) && kill -{signal} $p $(pgrep -P $p)";

    private static string Detached(string command, string log) => $"setsid sh -c 'exec {command}' >>{log} 2>&1 </dev/null &";
}
