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
        var ctl = $"{binaries["pg_ctl"]} -D {data} -w -t 60 -l {log}";
        var passwords = Path.Combine(paths.Site(region), "pgpass");
        string Libpq(string user) => $"\"host=$0 port=$1 user={user} connect_timeout=5\"";
        string WithArguments(string script) => $"PGPASSFILE={passwords} sh -c '{script}' {{host}} {{port}}";
        return new Dictionary<string, string>
        {
            ["postgres.start"] = $"{ctl} start",
            ["postgres.stop"] = $"{ctl} -m fast stop",
            ["postgres.restart"] = $"{ctl} -m fast restart",
            ["postgres.reload"] = $"{ctl} reload",
            ["postgres.status"] = $"{binaries["pg_ctl"]} -D {data} status",
            ["postgres.control"] = $"{binaries["pg_controldata"]} -D {data}",
            ["postgres.standby"] = $"touch {data}/standby.signal",
            ["postgres.kill"] = Signal(data, "KILL"),
            ["postgres.freeze"] = Signal(data, "STOP"),
            ["postgres.thaw"] = Signal(data, "CONT"),
            ["postgres.rewind"] = WithArguments($"{binaries["pg_rewind"]} --target-pgdata={data} --source-server={Libpq(OrdersCluster.Operator + " dbname=postgres")}"),
            ["postgres.basebackup"] = WithArguments(
                $"rm -rf {data}/* && {binaries["pg_basebackup"]} -D {data} -c fast -X stream -R -d {Libpq(OrdersCluster.Replicator + " application_name=" + Sites.Region(region).SqlName)}"),
            ["redis.start"] = Detached($"redis-server {redisConfiguration}", paths.Log($"{region}-redis")),
            ["redis.stop"] = $"kill -TERM $(cat {paths.Site(region)}/redis.pid)",
            ["redis.kill"] = $"kill -KILL $(cat {paths.Site(region)}/redis.pid)",
            ["api.start"] = Detached(orderCommand, paths.Log($"{region}-orders")),
            ["api.stop"] = $"pkill -TERM -f orders-api.{paths.Site(region)}/orders.json",
            ["api.kill"] = $"pkill -KILL -f orders-api.{paths.Site(region)}/orders.json",
            ["host.metrics"] = $"cat /proc/loadavg /proc/stat /proc/meminfo /proc/net/dev; df -Pk {paths.Site(region)}",
            ["host.ping"] = "echo pong",
        };
    }

    /// <summary>Passwords for pg_rewind and pg_basebackup on the host.</summary>
    public static string PasswordFile(SecretStore secrets) => $"""
        *:*:*:{OrdersCluster.Operator}:{secrets.Get("postgres-operator")}
        *:*:*:{OrdersCluster.Replicator}:{secrets.Get("postgres-replicator")}
        """ + "\n";

    // To the postmaster and all its children: a stopped backend does not notice that its postmaster is gone.
    private static string Signal(string data, string signal) =>
        $"p=$(head -n 1 {data}/postmaster.pid) && kill -{signal} $p $(pgrep -P $p)";

    private static string Detached(string command, string log) => $"setsid sh -c 'exec {command}' >>{log} 2>&1 </dev/null &";
}
