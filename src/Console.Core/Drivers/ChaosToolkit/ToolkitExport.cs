using System.Text.Json.Nodes;
using OpsConsole.Core.Chaos;

namespace OpsConsole.Core.Drivers.ChaosToolkit;

/// <summary>An experiment in Chaos Toolkit's JSON, as far as its HTTP provider can say it: toxics by Toxiproxy's API, application faults by their
/// switches. What cannot be said is named in <c>contributions.opsconsole</c>, never left out silently.</summary>
public sealed class ToolkitExport(ChaosOptions options)
{
    public JsonObject Write(ExperimentRun run)
    {
        var experiment = run.Experiment;
        var (method, rollbacks, unmapped) = (new JsonArray(), new JsonArray(), new JsonArray());
        foreach (var target in run.Targets.Chosen) Say(new Fault(experiment.Fault, target, $"opsconsole-{experiment.Id}", run.IntensityPercent, run.DurationSeconds, experiment.Settings), method, rollbacks, unmapped);
        if (method.LastOrDefault() is JsonObject last) last["pauses"] = new JsonObject { ["after"] = run.DurationSeconds };
        var probes = new JsonArray();
        if (options.CustomerUrl.Length > 0) probes.Add(Probe("customers are served", options.CustomerUrl));
        foreach (var condition in experiment.Hypothesis.Where(c => !c.StartsWith($"{Condition.Customers}.availability", StringComparison.Ordinal)))
            unmapped.Add($"hypothesis: {condition} is measured over a window, which a probe of Chaos Toolkit is not");
        foreach (var condition in experiment.Abort) unmapped.Add($"abort: {condition}; give it as a control or a safeguard");
        return new JsonObject
        {
            ["version"] = "1.0.0",
            ["title"] = experiment.Title,
            ["description"] = experiment.Purpose,
            ["tags"] = new JsonArray("opsconsole", experiment.Group.ToString().ToLowerInvariant(), experiment.Severity.ToString().ToLowerInvariant()),
            ["contributions"] = new JsonObject { ["opsconsole"] = new JsonObject { ["experiment"] = experiment.Id, ["fault"] = experiment.Fault, ["targets"] = run.Targets.Words, ["notMapped"] = unmapped } },
            ["steady-state-hypothesis"] = new JsonObject { ["title"] = "customers are served", ["probes"] = probes },
            ["method"] = method,
            ["rollbacks"] = rollbacks,
        };
    }

    private void Say(Fault fault, JsonArray method, JsonArray rollbacks, JsonArray unmapped)
    {
        if (fault.Kind.StartsWith("network.", StringComparison.Ordinal) && NetworkLink.TryParse(fault.Target, out var link) && link.Service.Length > 0 && options.Networks.FirstOrDefault() is { } network)
        {
            var proxy = network.Names.Replace("{from}", link.From, StringComparison.Ordinal).Replace("{to}", link.To, StringComparison.Ordinal).Replace("{service}", link.Service, StringComparison.Ordinal);
            foreach (var stream in new[] { "upstream", "downstream" })
            {
                var name = $"{fault.Tag}.{stream}";
                method.Add(Action($"{FaultWords.Verb(fault.Kind).ToLowerInvariant()} {proxy}, {stream}", "POST", $"{network.Url.TrimEnd('/')}/proxies/{proxy}/toxics", Toxic(fault, name, stream)));
                rollbacks.Add(Action($"take {name} from {proxy}", "DELETE", $"{network.Url.TrimEnd('/')}/proxies/{proxy}/toxics/{name}", null));
            }
        }
        else if (fault.Kind.StartsWith("application.", StringComparison.Ordinal) && options.Applications.FirstOrDefault(a => a.Service == fault.Id) is { } application)
        {
            var errors = fault.Kind == FaultKinds.ApplicationErrors;
            method.Add(Action($"switch the fault of {fault.Id} on", "POST", application.Url, new JsonObject { ["errorPercent"] = errors ? fault.IntensityPercent : 0, ["latencyMs"] = errors ? 0 : fault.Number("latencyMs", 500), ["tag"] = fault.Tag, ["seconds"] = fault.DurationSeconds + 60 }));
            rollbacks.Add(Action($"switch the fault of {fault.Id} off", "POST", application.Url, new JsonObject { ["errorPercent"] = 0, ["latencyMs"] = 0 }));
        }
        else
        {
            unmapped.Add($"method: {fault.Kind} on {fault.Target} goes by host commands or database sessions of the console, which Chaos Toolkit's HTTP provider cannot say");
        }
    }

    private static JsonObject Toxic(Fault fault, string name, string stream)
    {
        var (type, attributes) = fault.Kind switch
        {
            FaultKinds.NetworkLatency => ("latency", new JsonObject { ["latency"] = fault.Number("latencyMs", 200), ["jitter"] = fault.Number("jitterMs", 0) }),
            FaultKinds.NetworkBandwidth => ("bandwidth", new JsonObject { ["rate"] = fault.Number("kilobytesPerSecond", 64) }),
            FaultKinds.NetworkLoss when fault.Word("as", "stall") == "reset" => ("reset_peer", new JsonObject { ["timeout"] = 0 }),
            _ => ("timeout", new JsonObject { ["timeout"] = 0 }),
        };
        return new JsonObject { ["name"] = name, ["type"] = type, ["stream"] = stream, ["toxicity"] = fault.Kind == FaultKinds.NetworkLoss ? fault.IntensityPercent / 100 : 1, ["attributes"] = attributes };
    }

    private static JsonObject Action(string name, string method, string url, JsonObject? arguments)
    {
        var provider = new JsonObject { ["type"] = "http", ["method"] = method, ["url"] = url, ["timeout"] = 5 };
        if (arguments is not null) (provider["headers"], provider["arguments"]) = (new JsonObject { ["Content-Type"] = "application/json" }, arguments);
        return new JsonObject { ["type"] = "action", ["name"] = name, ["provider"] = provider };
    }

    private static JsonObject Probe(string name, string url) => new()
    {
        ["type"] = "probe", ["name"] = name, ["tolerance"] = 200, ["provider"] = new JsonObject { ["type"] = "http", ["method"] = "GET", ["url"] = url, ["timeout"] = 2 },
    };
}
