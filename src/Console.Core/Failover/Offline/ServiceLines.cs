using System.Globalization;
using System.Text.Json.Nodes;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Offline;

/// <summary>What a move does with services other than the database, as commands: the same steps, in the same order, as <see cref="ServicePlan"/> plans them. Nothing of it keeps the move
/// from going on: clients of the database write again already.</summary>
/// <param name="secretOf">a shell word that gives a password, by the path of its setting; null: it is not known here</param>
internal sealed class ServiceLines(FleetModel fleet, FailoverRequest request, Func<string, string, string> onHost, Func<string, string?> secretOf)
{
    public IEnumerable<string> Lines()
    {
        var plan = new ServicePlan(fleet, request, ServiceScope.Of(fleet, request));
        return plan.Starts().Concat(plan.Caches()).SelectMany(step => Of(step).Prepend($"say {CommandTemplate.Quote(step.Name)}"));
    }

    private IEnumerable<string> Of(PlanStep step)
    {
        var service = fleet.Services[step.Parameters["service"]!.GetValue<string>()];
        if (step.Step == PromoteCache.StepName) return Cache(service, step.Parameters["others"]!.AsArray().Select(o => fleet.Services[o!.GetValue<string>()]));
        var start = step.Step == StartService.StepName;
        var percent = step.Parameters["percent"]?.GetValue<double>().ToString("0", CultureInfo.InvariantCulture) ?? "";
        var line = Run(service, start ? ServiceCommands.Start : ServiceCommands.Scale, percent) + $" || echo {CommandTemplate.Quote($"{service.Id}: that did not work; see to it by hand")}";
        return [start && service.Commands.ContainsKey(ServiceCommands.Status) ? $"{Run(service, ServiceCommands.Status, "")} >/dev/null 2>&1 || {line}" : line];
    }

    private string Run(ServiceOptions service, string command, string percent)
    {
        var name = service.Commands[command];
        var template = fleet.Regions[service.Region].Shell?.Commands.GetValueOrDefault(name) ?? throw new ArgumentException($"{service.Id} names the command {name}, which the shell of {service.Region} does not declare.");
        return onHost(service.Region, CommandTemplate.Fill(template, new Dictionary<string, string> { ["service"] = service.Id, ["percent"] = percent }));
    }

    private IEnumerable<string> Cache(ServiceOptions cache, IEnumerable<ServiceOptions> others)
    {
        yield return $"{Cli(cache)} REPLICAOF NO ONE || echo {CommandTemplate.Quote($"{cache.Id} is not in reach by redis-cli")}";
        foreach (var other in others)
        {
            var leader = HostPort.Parse(other.Peers[cache.Id]);
            yield return $"{Cli(other)} REPLICAOF {CommandTemplate.Quote(leader.Host)} {leader.Port.ToString(CultureInfo.InvariantCulture)} || echo {CommandTemplate.Quote($"{other.Id} is not in reach: it follows nobody new")}";
        }
    }

    /// <summary>It asks nobody: where the password is not known here it is taken from the environment, REDISCLI_AUTH.</summary>
    private string Cli(ServiceOptions cache)
    {
        var index = cache.Probes.FindIndex(p => p.Kind == ProbeKind.Redis);
        var probe = cache.Probes[index];
        var secret = secretOf(FormattableString.Invariant($"{FleetOptions.Section}:Services:{fleet.Options.Services.IndexOf(cache)}:Probes:{index}:Password"));
        var at = HostPort.Parse(probe.Target.Contains(':', StringComparison.Ordinal) ? probe.Target : $"{probe.Target}:6379");
        var user = probe.Username.Length > 0 ? $" --user {CommandTemplate.Quote(probe.Username)}" : "";
        return (secret is null ? "" : $"REDISCLI_AUTH={secret} ") + $"timeout 5 redis-cli -e -h {CommandTemplate.Quote(at.Host)} -p {at.Port.ToString(CultureInfo.InvariantCulture)}{user} --no-auth-warning";
    }
}
