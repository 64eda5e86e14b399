using OpsConsole.Core.Chaos;

namespace OpsConsole.Core.Drivers.Toxiproxy;

/// <summary>Faults of the network, as toxics whose names begin with the fault's tag: whatever happens to the console, they are found by it.
/// A partition, too, is a toxic (silence), not a disabled proxy, which nobody could tell from one that somebody else has disabled.</summary>
internal sealed class NetworkFaults(ChaosOptions options, FaultHttp http) : IFaultInjector, INetworkMap
{
    private const int AtOnce = 8;
    private static readonly string[] BothWays = ["upstream", "downstream"];
    private static readonly Dictionary<string, double> Silence = new() { ["timeout"] = 0 };

    private readonly List<(ToxiproxyApi Api, ProxyNames Names, string Url)> _networks =
        [.. options.Networks.Select(n => (new ToxiproxyApi(http.Client, n.Url), new ProxyNames(n.Names), n.Url))];

    public IReadOnlyList<string> Kinds { get; } =
        [FaultKinds.NetworkLatency, FaultKinds.NetworkBandwidth, FaultKinds.NetworkLoss, FaultKinds.NetworkPartition, FaultKinds.RegionCutOff];

    public async Task<IReadOnlyList<NetworkLink>> LinksAsync(CancellationToken cancel)
    {
        var links = new List<NetworkLink>();
        foreach (var (_, names, proxies) in await AllAsync(cancel))
            links.AddRange(proxies.Keys.Select(names.Read).OfType<ProxiedLink>().Select(l => new NetworkLink(l.From, l.To, l.Service)));
        return [.. links.Distinct().OrderBy(l => l.From, StringComparer.Ordinal).ThenBy(l => l.To, StringComparer.Ordinal).ThenBy(l => l.Service, StringComparer.Ordinal)];
    }

    public async Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel)
    {
        if (_networks.Count == 0) return "no Toxiproxy is configured (Chaos:Networks)";
        return (await FindAsync(fault, cancel)).Count == 0 ? $"no proxy of {string.Join(", ", _networks.Select(n => n.Url))} carries {fault.Target}" : null;
    }

    public async Task InjectAsync(Fault fault, CancellationToken cancel)
    {
        var found = await FindAsync(fault, cancel);
        if (found.Count == 0) throw new FaultException($"No proxy carries {fault.Target}.");
        var wanted = found.SelectMany(f => Toxics(fault).Where(t => f.Proxy.Toxics.All(has => has.Name != t.Name)).Select(t => (f.Api, f.Proxy.Name, Toxic: t)));
        await Parallel.ForEachAsync(wanted, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (work, token) => await work.Api.AddAsync(work.Name, work.Toxic, token));
    }

    public async Task<FaultReading> ReadAsync(Fault fault, CancellationToken cancel)
    {
        var found = await FindAsync(fault, cancel);
        var toxics = Toxics(fault).ToList();
        var present = found.Sum(f => f.Proxy.Toxics.Count(t => IsOf(fault, t)));
        return FaultReading.Of(present, Math.Max(1, found.Count * toxics.Count), $"toxics on {found.Count} {(found.Count == 1 ? "link" : "links")} ({Words(fault)})");
    }

    /// <summary>Wherever the tag is found, also on proxies that no longer carry the target.</summary>
    public async Task RevertAsync(Fault fault, CancellationToken cancel)
    {
        var left = (await AllAsync(cancel)).SelectMany(n => n.Proxies.Values.SelectMany(p => p.Toxics.Where(t => IsOf(fault, t)).Select(t => (n.Api, Proxy: p.Name, t.Name))));
        await Parallel.ForEachAsync(left, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (work, token) => await work.Api.RemoveAsync(work.Proxy, work.Name, token));
    }

    private static bool IsOf(Fault fault, ToxicState toxic) => toxic.Name.StartsWith(fault.Tag + ".", StringComparison.Ordinal);

    private async Task<List<(ToxiproxyApi Api, ProxyNames Names, Dictionary<string, ProxyState> Proxies)>> AllAsync(CancellationToken cancel)
    {
        var all = new List<(ToxiproxyApi, ProxyNames, Dictionary<string, ProxyState>)>();
        foreach (var (api, names, _) in _networks) all.Add((api, names, await api.ProxiesAsync(cancel)));
        return all;
    }

    private async Task<List<(ToxiproxyApi Api, ProxyState Proxy)>> FindAsync(Fault fault, CancellationToken cancel) =>
        [.. (await AllAsync(cancel)).SelectMany(n => n.Proxies.Values.Where(p => n.Names.Read(p.Name) is { } link && Carries(link, fault)).Select(p => (n.Api, p)))];

    private static bool Carries(ProxiedLink link, Fault fault)
    {
        if (fault.Target.StartsWith("region:", StringComparison.Ordinal)) return link.From == fault.Id || link.To == fault.Id;
        if (!NetworkLink.TryParse(fault.Target, out var wanted)) return false;
        return link.From == wanted.From && link.To == wanted.To && (wanted.Service.Length == 0 || link.Service == wanted.Service);
    }

    private static IEnumerable<ToxicSpec> Toxics(Fault fault)
    {
        IEnumerable<ToxicSpec> Both(string type, IReadOnlyDictionary<string, double> attributes) => BothWays.Select(way => new ToxicSpec($"{fault.Tag}.{way}", type, way, 1, attributes));
        return fault.Kind switch
        {
            FaultKinds.NetworkLatency => Both("latency", new Dictionary<string, double> { ["latency"] = fault.Number("latencyMs", 200), ["jitter"] = fault.Number("jitterMs", 0) }),
            FaultKinds.NetworkBandwidth => Both("bandwidth", new Dictionary<string, double> { ["rate"] = fault.Number("kilobytesPerSecond", 64) }),
            FaultKinds.NetworkLoss => [new ToxicSpec($"{fault.Tag}.downstream", AsReset(fault) ? "reset_peer" : "timeout", "downstream", fault.IntensityPercent / 100, Silence)],
            _ => Both("timeout", Silence),
        };
    }

    private static bool AsReset(Fault fault) => fault.Word("as", "stall") == "reset";

    private static string Words(Fault fault) => fault.Kind switch
    {
        FaultKinds.NetworkLatency => FormattableString.Invariant($"{fault.Number("latencyMs", 200)} ms each way, jitter {fault.Number("jitterMs", 0)} ms"),
        FaultKinds.NetworkBandwidth => FormattableString.Invariant($"{fault.Number("kilobytesPerSecond", 64)} kB/s each way"),
        FaultKinds.NetworkLoss => FormattableString.Invariant($"{fault.IntensityPercent} % of connections {(AsReset(fault) ? "are reset" : "stall")}"),
        _ => "nothing passes",
    };
}
