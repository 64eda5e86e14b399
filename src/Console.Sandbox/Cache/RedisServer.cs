using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Cache;

/// <summary>A region's cache: the primary region's Redis, or a replica that follows it through the region's link. Nothing is
/// persisted; a cache that starts anew follows the region in which the database's primary is.</summary>
public sealed class RedisServer(Supervisor supervisor, SandboxPaths paths, PortPlan ports, SecretStore secrets, string region)
{
    private const string Secret = "redis";

    public string Configuration => Path.Combine(paths.Site(region), "redis.conf");

    public void Start(string primaryRegion)
    {
        var password = secrets.Get(Secret);
        var follows = region == primaryRegion ? "" : $"replicaof 127.0.0.1 {ports.Via(region, primaryRegion, Services.Redis)}";
        supervisor.User.Write(Configuration, $"""
            bind 127.0.0.1
            port {ports.Redis(region)}
            dir {paths.Site(region)}
            pidfile {Path.Combine(paths.Site(region), "redis.pid")}
            daemonize no
            save ""
            appendonly no
            requirepass {password}
            masterauth {password}
            repl-timeout 10
            repl-ping-replica-period 1
            repl-diskless-sync-delay 0
            maxmemory 64mb
            maxmemory-policy allkeys-lru
            set-proc-title no
            {follows}
            """ + "\n");
        supervisor.Start(new ChildSpec($"{region}-redis", ["redis-server", Configuration], paths.Site(region)));
    }
}
