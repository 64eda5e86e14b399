using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drivers.Toxiproxy;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drivers.ChaosToolkit;

/// <summary>Reads an experiment of Chaos Toolkit. Maps HTTP actions that set toxics at a Toxiproxy or a fault switch that the console knows, and HTTP
/// probes of what customers call; everything else is named with the reason. Nothing of the foreign file is ever run as it stands.</summary>
public sealed class ToolkitReader(ChaosOptions options)
{
    private const double NoPause = 60;

    /// <exception cref="RequestRefusedException">it is no experiment of Chaos Toolkit</exception>
    public ToolkitImport Read(JsonObject foreign, string id)
    {
        if (Text(foreign["title"]) is not { } title || foreign["method"] is not JsonArray method) throw new RequestRefusedException("chaosToolkit", "An experiment of Chaos Toolkit has at least a title and a method.");
        var parts = new List<MappedPart>();
        var (found, seconds) = (new List<Found>(), 0.0);
        foreach (var (step, index) in method.OfType<JsonObject>().Select((s, i) => (s, i)))
        {
            var part = $"method[{index}] \"{Text(step["name"])}\"";
            seconds += Number(step["pauses"]?["after"]) ?? 0;
            if (Text(step["type"]) != "action")
            {
                parts.Add(new MappedPart(part, false, "a probe between actions: the hypothesis is measured all the time instead"));
                continue;
            }
            var (fault, why) = Action(step);
            if (fault is not null) found.Add(fault);
            parts.Add(new MappedPart(part, fault is not null, fault is { } f ? $"{f.Kind} on {f.Target}" : why));
        }
        foreach (var (step, index) in (foreign["rollbacks"] as JsonArray ?? []).OfType<JsonObject>().Select((s, i) => (s, i)))
            parts.Add(new MappedPart($"rollbacks[{index}] \"{Text(step["name"])}\"", true, "each fault knows its own way back, which is verified"));
        var hypothesis = Hypothesis(foreign, parts);
        var chosen = Choose(found, parts);
        return new ToolkitImport(chosen is null ? null : Make(id, title, Text(foreign["description"]) ?? "", chosen, [.. found.Where(f => f.Kind == chosen.Kind).Select(f => f.Target).Distinct()], seconds > 0 ? seconds : NoPause, hypothesis), parts);
    }

    /// <summary>One kind of fault an experiment: the first.</summary>
    private static Found? Choose(List<Found> found, List<MappedPart> parts)
    {
        if (found.Count == 0) return null;
        foreach (var other in found.Where(f => f.Kind != found[0].Kind).Select(f => f.Kind).Distinct())
            parts.Add(new MappedPart($"faults of kind {other}", false, $"an experiment here has one kind of fault, {found[0].Kind}: import the other as an experiment of its own"));
        return found[0];
    }

    private static Experiment Make(string id, string title, string description, Found fault, IReadOnlyList<string> targets, double seconds, IReadOnlyList<string> hypothesis) => new()
    {
        Id = id, Title = title, Purpose = description, Fault = fault.Kind, Severity = Severity.Medium, DurationSeconds = Math.Clamp(seconds, 1, 43_200), IntensityPercent = fault.Intensity, Settings = fault.Settings,
        Group = fault.Kind.StartsWith("network.", StringComparison.Ordinal) ? ExperimentGroup.Network : ExperimentGroup.Application,
        Targets = new TargetRule(TargetPool.Named, Count: "all") { Names = [.. targets] },
        Hypothesis = [.. hypothesis], Abort = hypothesis.Count == 0 ? [] : ["customers.availabilityPercent <= 50"],
    };

    private (Found? Fault, string Why) Action(JsonObject step)
    {
        if (step["provider"] is not JsonObject provider) return (null, "no provider");
        if (Text(provider["type"]) is not "http") return (null, $"provider '{Text(provider["type"])}': only HTTP actions on a Toxiproxy or a fault switch that the console knows are mapped; code and programs of others are not run");
        var url = Text(provider["url"]) ?? "";
        if (provider["arguments"] is not JsonObject arguments) return (null, $"HTTP without arguments to {url}");
        if (options.Applications.FirstOrDefault(a => a.Url == url) is { } application) return (Switch(application, arguments), "");
        foreach (var network in options.Networks)
        {
            var prefix = $"{network.Url.TrimEnd('/')}/proxies/";
            if (!url.StartsWith(prefix, StringComparison.Ordinal) || !url.EndsWith("/toxics", StringComparison.Ordinal)) continue;
            var proxy = url[prefix.Length..^"/toxics".Length];
            return new ProxyNames(network.Names).Read(proxy) is { } link ? Toxic(arguments, new NetworkLink(link.From, link.To, link.Service).Target) : (null, $"the proxy {proxy} is not named like a link ({network.Names})");
        }
        return (null, $"{url} is neither the Toxiproxy nor a fault switch of this console's configuration");
    }

    private static (Found? Fault, string Why) Toxic(JsonObject toxic, string target)
    {
        var attributes = toxic["attributes"] as JsonObject ?? [];
        var share = (Number(toxic["toxicity"]) ?? 1) * 100;
        Found Of(string kind, JsonObject settings) => new(kind, target, Math.Clamp(share, 1, 100), settings);
        return Text(toxic["type"]) switch
        {
            "latency" => (Of(FaultKinds.NetworkLatency, new JsonObject { ["latencyMs"] = Number(attributes["latency"]) ?? 0, ["jitterMs"] = Number(attributes["jitter"]) ?? 0 }), ""),
            "bandwidth" => (Of(FaultKinds.NetworkBandwidth, new JsonObject { ["kilobytesPerSecond"] = Number(attributes["rate"]) ?? 64 }), ""),
            "timeout" when share >= 100 => (Of(FaultKinds.NetworkPartition, []), ""),
            "timeout" => (Of(FaultKinds.NetworkLoss, new JsonObject { ["as"] = "stall" }), ""),
            "reset_peer" => (Of(FaultKinds.NetworkLoss, new JsonObject { ["as"] = "reset" }), ""),
            var other => (null, $"a toxic of type '{other}' has no counterpart here"),
        };
    }

    private static Found Switch(ApplicationFaultOptions application, JsonObject wanted) => Number(wanted["errorPercent"]) is > 0 and var errors
        ? new Found(FaultKinds.ApplicationErrors, $"service:{application.Service}", Math.Clamp(errors, 1, 100), [])
        : new Found(FaultKinds.ApplicationLatency, $"service:{application.Service}", 50, new JsonObject { ["latencyMs"] = Number(wanted["latencyMs"]) ?? 0 });

    private List<string> Hypothesis(JsonObject foreign, List<MappedPart> parts)
    {
        var conditions = new List<string>();
        foreach (var (probe, index) in (foreign["steady-state-hypothesis"]?["probes"] as JsonArray ?? []).OfType<JsonObject>().Select((p, i) => (p, i)))
        {
            var part = $"steady-state-hypothesis.probes[{index}] \"{Text(probe["name"])}\"";
            var ours = Text(probe["provider"]?["type"]) == "http" && Text(probe["provider"]?["url"]) == options.CustomerUrl && options.CustomerUrl.Length > 0;
            if (ours) conditions.Add("customers.availabilityPercent >= 95");
            parts.Add(new MappedPart(part, ours, ours ? "customers.availabilityPercent >= 95, measured ten times a second instead of once" : "it asks something that is not what customers call (Chaos:CustomerUrl): write a condition for it"));
        }
        return [.. conditions.Distinct()];
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static double? Number(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.Number => node.Deserialize<double>(),
        JsonValueKind.String when double.TryParse(Text(node), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };

    private sealed record Found(string Kind, string Target, double Intensity, JsonObject Settings);
}
