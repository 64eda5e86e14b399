using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Drivers.Redis;

/// <param name="Follows"><c>host:port</c> of the server that it replicates, as it reaches it; null: it takes writes itself</param>
/// <param name="Linked">a replica whose link is up; true for one that takes writes</param>
public sealed record RedisRole(string? Follows, bool Linked);

/// <summary>Replication of a declared cache. Address and password are those of its redis probe.</summary>
public sealed class RedisControl(Names names)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    /// <summary>Whether the console knows how to sign in to it.</summary>
    public static bool Knows(ServiceOptions cache) => ProbeOf(cache) is not null;

    /// <exception cref="InvalidDataException">from every call: it answers, but not as Redis should</exception>
    /// <exception cref="System.Net.Sockets.SocketException">from every call: it cannot be reached; also <see cref="IOException"/>, <see cref="TimeoutException"/></exception>
    public async Task<RedisRole> RoleAsync(ServiceOptions cache, CancellationToken cancel)
    {
        // master, offset, replicas... or slave, host, port, state, offset
        var parts = (await CallAsync(cache, cancel, "ROLE") ?? "").Split('\n');
        return parts switch
        {
            ["master", ..] => new RedisRole(null, true),
            ["slave", var host, var port, var state, ..] => new RedisRole($"{host}:{port}", state == "connected"),
            _ => throw new InvalidDataException($"{cache.Id} is neither master nor replica: {parts[0]}."),
        };
    }

    /// <returns>null when it cannot be reached</returns>
    public async Task<RedisRole?> TryRoleAsync(ServiceOptions cache, CancellationToken cancel)
    {
        try
        {
            return await RoleAsync(cache, cancel);
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or IOException or TimeoutException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>Follows nobody any more: it takes writes.</summary>
    public Task PromoteAsync(ServiceOptions cache, CancellationToken cancel) => CallAsync(cache, cancel, "REPLICAOF", "NO", "ONE");

    /// <param name="address"><c>host:port</c> of the server to follow, as the cache reaches it</param>
    public Task FollowAsync(ServiceOptions cache, string address, CancellationToken cancel)
    {
        var at = HostPort.Parse(address);
        return CallAsync(cache, cancel, "REPLICAOF", at.Host, at.Port.ToString(CultureInfo.InvariantCulture));
    }

    private async Task<string?> CallAsync(ServiceOptions cache, CancellationToken cancel, params string[] command)
    {
        var probe = ProbeOf(cache) ?? throw new InvalidDataException($"{cache.Id} has no redis probe: its address is not known.");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Limit);
        try
        {
            using var redis = await Resp.ConnectAsync(TcpTarget.Parse(probe.Target, 6379), probe.Username, probe.Password, names, limit.Token);
            return await redis.CallAsync(limit.Token, command);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"{cache.Id} does not answer within {Limit.TotalSeconds:0} s.");
        }
    }

    private static ProbeOptions? ProbeOf(ServiceOptions cache) => cache.Probes.Find(p => p.Kind == ProbeKind.Redis);
}
