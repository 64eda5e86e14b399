using System.Collections.Immutable;

namespace OpsConsole.Sandbox.Network;

/// <summary>Which way the bytes go: upstream is from the client that connected to the service.</summary>
public enum StreamDirection { Upstream, Downstream }

/// <summary>A fault on a proxy, in the words of Toxiproxy.</summary>
/// <param name="Toxicity">Share of the connections that feel it, 0 to 1.</param>
/// <param name="Attributes">By type: latency {latency, jitter} ms; bandwidth {rate} KB/s; slow_close {delay} ms;
/// timeout {timeout} ms, 0: until removed; reset_peer {timeout} ms; limit_data {bytes}.</param>
public sealed record Toxic(string Name, string Type, StreamDirection Stream, double Toxicity, ImmutableSortedDictionary<string, double> Attributes)
{
    public const string Latency = "latency";
    public const string Bandwidth = "bandwidth";
    public const string SlowClose = "slow_close";
    public const string Timeout = "timeout";
    public const string ResetPeer = "reset_peer";
    public const string LimitData = "limit_data";

    public static readonly ImmutableSortedDictionary<string, ImmutableArray<string>> Types = ImmutableSortedDictionary.CreateRange(
        new Dictionary<string, ImmutableArray<string>>
        {
            [Latency] = ["latency", "jitter"],
            [Bandwidth] = ["rate"],
            [SlowClose] = ["delay"],
            [Timeout] = ["timeout"],
            [ResetPeer] = ["timeout"],
            [LimitData] = ["bytes"],
        });

    public double this[string attribute] => Attributes.GetValueOrDefault(attribute);
}

/// <summary>What one direction of one connection undergoes: the proxy's own delay and the toxics that hit it.</summary>
public sealed record LinkConditions
{
    public static readonly LinkConditions None = new();

    public TimeSpan Delay { get; init; }
    public TimeSpan Jitter { get; init; }
    /// <summary>Bytes per second; null: as fast as it goes.</summary>
    public double? Rate { get; init; }
    /// <summary>Nothing gets through; the connection closes after this time (null: stays open, silent).</summary>
    public bool Silent { get; init; }
    public TimeSpan? CloseAfter { get; init; }
    public bool Reset { get; init; }
    public TimeSpan CloseDelay { get; init; }
    public long? Limit { get; init; }

    public bool IsDirect => Delay == TimeSpan.Zero && Jitter == TimeSpan.Zero && Rate is null && Limit is null;

    /// <param name="draw">The connection's lot, 0 to 1, mixed with each toxic's name: a toxic with toxicity 0.3 hits 30 % of connections.</param>
    public static LinkConditions Of(TimeSpan delay, IEnumerable<Toxic> toxics, StreamDirection direction, int draw)
    {
        var conditions = new LinkConditions { Delay = delay };
        foreach (var toxic in toxics.Where(t => t.Stream == direction && Lot(draw, t.Name) < t.Toxicity))
        {
            conditions = toxic.Type switch
            {
                Toxic.Latency => conditions with
                {
                    Delay = conditions.Delay + TimeSpan.FromMilliseconds(toxic["latency"]),
                    Jitter = conditions.Jitter + TimeSpan.FromMilliseconds(toxic["jitter"]),
                },
                Toxic.Bandwidth => conditions with { Rate = Math.Min(conditions.Rate ?? double.MaxValue, Math.Max(1, toxic["rate"] * 1024)) },
                Toxic.SlowClose => conditions with { CloseDelay = TimeSpan.FromMilliseconds(toxic["delay"]) },
                Toxic.Timeout => conditions with { Silent = true, CloseAfter = After(toxic["timeout"]) },
                Toxic.ResetPeer => conditions with { Reset = true, CloseAfter = TimeSpan.FromMilliseconds(toxic["timeout"]) },
                Toxic.LimitData => conditions with { Limit = (long)toxic["bytes"] },
                _ => conditions,
            };
        }
        return conditions;
    }

    private static TimeSpan? After(double milliseconds) => milliseconds > 0 ? TimeSpan.FromMilliseconds(milliseconds) : null;

    private static double Lot(int draw, string name) => (uint)HashCode.Combine(draw, name) / (uint.MaxValue + 1.0);
}
