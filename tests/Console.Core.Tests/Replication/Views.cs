using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Tests.Replication;

/// <summary>Views of a cluster of three regions (a primary, b and c standbys), to bend.</summary>
internal static class Views
{
    public static DateTimeOffset Now { get; } = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    public static ClusterOptions Cluster { get; } = new()
    {
        Id = "orders", PrimaryRegion = "a", SynchronousStandbys = 1,
        Nodes = [new() { Region = "a", ApplicationName = "node_a" }, new() { Region = "b", ApplicationName = "node_b" }, new() { Region = "c", ApplicationName = "node_c" }],
    };

    public static NodeObservation Primary(ulong position, params SenderObservation[] senders) =>
        new(false, 3, new(position), null, null, null, Now, "ANY 1 (node_b, node_c)", senders, null, [], null);

    public static NodeObservation Standby(ulong replayed, double? heartbeatAge = null) =>
        new(true, 3, null, new(replayed), new(replayed), Now.AddSeconds(-7), Now, "", [], new("streaming", "h", 1, "node_b", Now, new(replayed)), [],
            heartbeatAge is { } age ? new(Guid.Empty, 1, Now.AddSeconds(-age)) : null);

    public static SenderObservation Sender(string name, ulong replayed, double? lag = null, string state = "streaming") =>
        new(name, state, "quorum", new(replayed), new(replayed), new(replayed), new(replayed), null, null, lag, Now);

    public static NodeReading Read(NodeObservation seen, double? acknowledgedAge = 0, double? missingFor = null) =>
        new(seen, Now, null, Now, acknowledgedAge is { } age ? new Heartbeat(Guid.Empty, 9, Now.AddSeconds(-age)) : null, missingFor is { } since ? Now.AddSeconds(-since) : null);

    public static NodeReading Silent(NodeObservation? last = null) => new(last, last is null ? null : Now.AddSeconds(-60), "refused", Now, null, null);

    public static HeartbeatStatus Beating(double age = 0) => new(true, new Heartbeat(Guid.Empty, 9, Now.AddSeconds(-age)), 100, null);

    public static ClusterView View(NodeReading a, NodeReading b, NodeReading c, HeartbeatStatus? heartbeat = null, string? lastPrimary = "a") =>
        new(Now, Now.AddMinutes(-1), new Dictionary<string, NodeReading> { ["a"] = a, ["b"] = b, ["c"] = c }, heartbeat, TimeSpan.FromSeconds(1), lastPrimary);

    public static ClusterReading Assess(ClusterView view, WalClock? clock = null) => ClusterAssessment.Assess(view, Cluster, clock ?? new WalClock(), new ReplicationOptions());
}
