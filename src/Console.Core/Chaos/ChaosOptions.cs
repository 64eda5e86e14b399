using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Chaos;

/// <summary>Configuration section <c>Chaos</c>.</summary>
public sealed class ChaosOptions
{
    public const string Section = "Chaos";

    /// <summary>What experiments may touch: <c>region:ID</c>, <c>service:ID</c>, <c>cluster:ID</c>, <c>link:FROM>TO</c>, <c>trafficManager:ID</c>; a star
    /// stands for anything. Null: everything in a development fleet, nothing elsewhere.</summary>
    public List<string>? AllowList { get; set; }
    /// <summary>Experiments at once over the whole console. 1 to 20.</summary>
    [Range(1, 20)] public int MaxConcurrent { get; set; } = 5;
    /// <summary>12 h at most.</summary>
    [Range(1, 43_200)] public double MaxDurationSeconds { get; set; } = 43_200;
    /// <summary>Targets of one experiment. 1 to 50.</summary>
    [Range(1, 50)] public int MaxTargets { get; set; } = 50;
    /// <summary>CH-2.</summary>
    [Range(1, 43_200)] public double DefaultDurationSeconds { get; set; } = 300;
    [Range(1, 100)] public double DefaultIntensityPercent { get; set; } = 50;
    /// <summary>How long the steady state is measured before an experiment. 1 to 600 s.</summary>
    [Range(1, 600)] public double BaselineSeconds { get; set; } = 5;
    /// <summary>How long it may take to come back after the clean-up. 1 to 3,600 s.</summary>
    [Range(1, 3600)] public double RecoverySeconds { get; set; } = 60;
    /// <summary>Window over which conditions are judged while it runs. 1 to 600 s.</summary>
    [Range(1, 600)] public double WindowSeconds { get; set; } = 10;
    /// <summary>How long after a failover that the console began by itself nobody experiments. 0 to 1,440 min.</summary>
    [Range(0, 1440)] public double QuietMinutes { get; set; } = 10;
    /// <summary>What a customer calls, measured ten times a second during an experiment; empty: not measured.</summary>
    public string CustomerUrl { get; set; } = "";
    /// <summary>A backup that was proven longer ago does not cover an experiment that can lose data. 1 to 8,760 h.</summary>
    [Range(1, 8760)] public double BackupHours { get; set; } = 48;

    /// <summary>Most that a host fault fills or holds. 1 to 1,048,576 MB each.</summary>
    [Range(1, 1_048_576)] public double MaxDiskMegabytes { get; set; } = 256;
    [Range(1, 1_048_576)] public double MaxMemoryMegabytes { get; set; } = 256;

    public List<NetworkFaultOptions> Networks { get; set; } = [];
    public List<ApplicationFaultOptions> Applications { get; set; } = [];
    public List<BalancerFaultOptions> Balancers { get; set; } = [];
    /// <summary>Experiments of one's own; one with the id of a shipped one takes its place.</summary>
    public List<ExperimentOptions> Experiments { get; set; } = [];
    /// <summary>Prefix of the host commands for services of a kind: <c>redis</c> for <c>redis.kill</c>, <c>redis.start</c>, ... </summary>
    public Dictionary<ServiceKind, string> Processes { get; set; } = [];

    public string? ProcessOf(ServiceKind kind) => Processes.TryGetValue(kind, out var prefix) ? prefix : kind switch
    {
        ServiceKind.Database => "postgres",
        ServiceKind.Cache => "redis",
        ServiceKind.Api => "api",
        _ => null,
    };
}

/// <summary>A Toxiproxy through which links of the fleet go.</summary>
public sealed class NetworkFaultOptions
{
    /// <summary>Of its HTTP API.</summary>
    [Required] public string Url { get; set; } = "";
    /// <summary>How its proxies are named: where each connection comes from, where it goes and to which service.</summary>
    [Required] public string Names { get; set; } = "{from}.{to}.{service}";
}

/// <summary>A service that has a fault switch: GET tells, POST sets <c>{errorPercent, latencyMs, tag, seconds}</c>.</summary>
public sealed class ApplicationFaultOptions
{
    [Required] public string Service { get; set; } = "";
    [Required] public string Url { get; set; } = "";
}

/// <summary>Frontends of a traffic manager that an experiment may close.</summary>
public sealed class BalancerFaultOptions
{
    [Required] public string Manager { get; set; } = "";
    public List<string> Frontends { get; set; } = [];
}

/// <summary>All mistakes at once.</summary>
internal sealed class ChaosOptionsValidator(FleetModel fleet) : IValidateOptions<ChaosOptions>
{
    public ValidateOptionsResult Validate(string? name, ChaosOptions options)
    {
        var mistakes = Mistakes(options).Select(m => $"{ChaosOptions.Section}: {m}").ToList();
        return mistakes.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(mistakes);
    }

    private IEnumerable<string> Mistakes(ChaosOptions options)
    {
        var results = new List<ValidationResult>();
        foreach (var part in new object[] { options }.Concat(options.Networks).Concat(options.Applications).Concat(options.Balancers))
            Validator.TryValidateObject(part, new ValidationContext(part), results, validateAllProperties: true);
        foreach (var result in results) yield return result.ErrorMessage ?? "a setting is out of its range";
        foreach (var network in options.Networks)
        {
            if (!IsUrl(network.Url)) yield return $"Networks: '{network.Url}' is no http URL: give that of Toxiproxy's API.";
            if (!network.Names.Contains("{from}", StringComparison.Ordinal) || !network.Names.Contains("{to}", StringComparison.Ordinal))
                yield return $"Networks: Names '{network.Names}' lacks {{from}} or {{to}}.";
        }
        foreach (var application in options.Applications)
        {
            if (!fleet.Services.ContainsKey(application.Service)) yield return $"Applications: '{application.Service}' is no declared service.";
            if (!IsUrl(application.Url)) yield return $"Applications: '{application.Url}' is no http URL.";
        }
        foreach (var balancer in options.Balancers.Where(b => fleet.Options.TrafficManagers.All(m => m.Id != b.Manager)))
            yield return $"Balancers: '{balancer.Manager}' is no declared traffic manager.";
        foreach (var mistake in options.Experiments.SelectMany(e => e.Mistakes(options))) yield return mistake;
        if (options.CustomerUrl.Length > 0 && !IsUrl(options.CustomerUrl)) yield return $"CustomerUrl '{options.CustomerUrl}' is no http URL.";
    }

    private static bool IsUrl(string text) => Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https";
}
