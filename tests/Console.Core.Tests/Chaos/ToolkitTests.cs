using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drivers.ChaosToolkit;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Chaos;

public sealed class ToolkitTests
{
    private static readonly ChaosOptions Options = new()
    {
        CustomerUrl = "http://edge/orders", Networks = [new NetworkFaultOptions { Url = "http://toxi:8474" }], Applications = [new ApplicationFaultOptions { Service = "us-orders", Url = "http://us/faults" }],
    };

    private static Experiment Shipped(string id) => ShippedExperiments.All.First(e => e.Id == id);

    [Theory]
    [InlineData("network-latency", "link:west>east/postgres")]
    [InlineData("network-bandwidth", "link:edge>west/api")]
    [InlineData("network-partition", "link:west>east/postgres")]
    [InlineData("network-resets", "link:west>east/redis")]
    [InlineData("application-errors", "service:us-orders")]
    [InlineData("application-latency", "service:us-orders")]
    public void Export_ThenImport_GivesTheSameFault(string id, string target)
    {
        var run = new ExperimentRun(Shipped(id), new ResolvedTargets([target], [target], "1 of 1"), 45, 40);

        var foreign = new ToolkitExport(Options).Write(run);
        var read = new ToolkitReader(Options).Read(foreign, "back").Experiment!;

        Assert.Equal((run.Experiment.Fault, 45.0, target), (read.Fault, read.DurationSeconds, read.Targets.Names.Single()));
        Assert.Equal(["customers.availabilityPercent >= 95"], read.Hypothesis);
        foreach (var (name, value) in run.Experiment.Settings) Assert.Equal(value!.ToString(), read.Settings[name]!.ToString());
        var copy = JsonSerializer.Deserialize<Experiment>(JsonSerializer.Serialize(read, OperationJson.Options), OperationJson.Options)!;
        Assert.Equal(read.Targets.Names, copy.Targets.Names);
    }

    [Fact]
    public void Export_OfWhatHttpCannotSay_NamesIt()
    {
        var foreign = new ToolkitExport(Options).Write(new ExperimentRun(Shipped("host-cpu"), new ResolvedTargets([], ["region:us"], "1 of 3"), 60, 50));

        Assert.Empty(foreign["method"]!.AsArray());
        Assert.Contains(foreign["contributions"]!["opsconsole"]!["notMapped"]!.AsArray(), n => n!.ToString().Contains("host.cpu on region:us", StringComparison.Ordinal));
    }

    [Fact]
    public void Import_OfForeignCode_IsNamedAndNotRun()
    {
        var read = new ToolkitReader(Options).Read(JsonNode.Parse("""
            { "title": "kill pods", "method": [
              { "type": "action", "name": "kill", "provider": { "type": "python", "module": "chaosk8s.pod.actions", "func": "terminate_pods" } },
              { "type": "action", "name": "run", "provider": { "type": "process", "path": "rm" } },
              { "type": "action", "name": "post", "provider": { "type": "http", "url": "http://elsewhere/proxies/a.b.c/toxics", "arguments": {} } },
              { "type": "probe", "name": "look", "provider": { "type": "http", "url": "http://edge/orders" } } ] }
            """)!.AsObject(), "pods");

        Assert.Null(read.Experiment);
        Assert.Equal(4, read.Parts.Count);
        Assert.All(read.Parts, p => Assert.False(p.Mapped));
        Assert.Contains("provider 'python'", read.Parts[0].Words, StringComparison.Ordinal);
        Assert.Contains("neither the Toxiproxy nor a fault switch", read.Parts[2].Words, StringComparison.Ordinal);
    }

    [Fact]
    public void Import_OfTwoKindsOfFault_TakesTheFirstAndSaysSo()
    {
        var read = new ToolkitReader(Options).Read(JsonNode.Parse("""
            { "title": "two", "method": [
              { "type": "action", "name": "slow", "provider": { "type": "http", "method": "POST", "url": "http://toxi:8474/proxies/west.east.postgres/toxics", "arguments": { "type": "latency", "attributes": { "latency": "300" } } }, "pauses": { "after": 20 } },
              { "type": "action", "name": "narrow", "provider": { "type": "http", "method": "POST", "url": "http://toxi:8474/proxies/west.east.postgres/toxics", "arguments": { "type": "bandwidth", "attributes": { "rate": 10 } } } } ] }
            """)!.AsObject(), "two");

        Assert.Equal((FaultKinds.NetworkLatency, 20.0), (read.Experiment!.Fault, read.Experiment.DurationSeconds));
        Assert.Equal(300, new Fault("", "", "", 0, 0, read.Experiment.Settings).Number("latencyMs", 0));
        Assert.Contains(read.Parts, p => !p.Mapped && p.Part.Contains(FaultKinds.NetworkBandwidth, StringComparison.Ordinal));
    }

    [Fact]
    public void Import_OfSomethingElse_IsRefused() => Assert.Throws<RequestRefusedException>(() => new ToolkitReader(Options).Read(new JsonObject { ["kind"] = "ChaosEngine" }, "x"));
}
