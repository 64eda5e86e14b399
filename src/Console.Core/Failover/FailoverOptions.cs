using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace OpsConsole.Core.Failover;

/// <summary>Configuration section <c>Failover</c>. Times are in seconds.</summary>
public sealed class FailoverOptions
{
    public const string Section = "Failover";

    /// <summary>How long PAUSE may wait for running transactions; past it clients go on and the switchover is rolled back. 0.1 to 60.</summary>
    [Range(0.1, 60)] public double DrainSeconds { get; set; } = 5;
    /// <summary>How long the rest of the source's log segment may be written before clients wait; 0: not at all. 0 to 600.</summary>
    [Range(0, 600)] public double FillSeconds { get; set; } = 10;
    /// <summary>For a standby to leave recovery, to follow another node, to confirm commits. 1 to 300 each.</summary>
    [Range(1, 300)] public double PromoteSeconds { get; set; } = 20;
    [Range(1, 300)] public double FollowSeconds { get; set; } = 10;
    [Range(1, 300)] public double ConfirmSeconds { get; set; } = 15;
    /// <summary>For a standby's receiver to end once it is detached. 0.1 to 30.</summary>
    [Range(0.1, 30)] public double DetachSeconds { get; set; } = 2;
    /// <summary>For a node to take a session at the beginning; one that does not answer is left out. 0.1 to 30.</summary>
    [Range(0.1, 30)] public double ReachSeconds { get; set; } = 1.5;
    /// <summary>One click takes a success back for so long. 0 to 86,400.</summary>
    [Range(0, 86_400)] public double CommitWindowSeconds { get; set; } = 900;
    /// <summary>Interval of the heartbeats that measure an operation. 0.01 to 1.</summary>
    [Range(0.01, 1)] public double PulseSeconds { get; set; } = 0.02;

    /// <summary>Region in which the console's own database lies; empty: a site of its own. Nobody fails that region over from there.</summary>
    public string ConsoleStateRegion { get; set; } = "";

    /// <summary>How old the readiness of a pair of regions may be while nothing about it changes. 1 to 60.</summary>
    [Range(1, 60)] public double ReadinessSeconds { get; set; } = 5;

    public WatchOptions Watch { get; set; } = new();
    public DetectionOptions Detection { get; set; } = new();
    public AdviceOptions Advice { get; set; } = new();
}

/// <summary>Between shifts of traffic: how the target is judged.</summary>
public sealed class WatchOptions
{
    /// <summary>Least time at a share before it is judged. 0 to 3,600.</summary>
    [Range(0, 3600)] public double DwellSeconds { get; set; } = 5;
    /// <summary>Requests that the target must have served at this share; fewer means hold, never pass. 1 to 1,000,000.</summary>
    [Range(1, 1_000_000)] public int MinimumRequests { get; set; } = 20;
    /// <summary>Too few requests until then: roll back. 1 to 86,400.</summary>
    [Range(1, 86_400)] public double DeadlineSeconds { get; set; } = 120;
    /// <summary>Share of failed requests on the target above which traffic goes back, in percent (HE-2).</summary>
    [Range(0, 100)] public double ErrorPercent { get; set; } = 5;
}

/// <summary>Detection of a lost primary on clusters with automatic failover.</summary>
public sealed class DetectionOptions
{
    /// <summary>Between write probes. 0.05 to 5.</summary>
    [Range(0.05, 5)] public double IntervalSeconds { get; set; } = 0.1;
    /// <summary>A probe without an answer for so long has failed. 0.05 to 10.</summary>
    [Range(0.05, 10)] public double TimeoutSeconds { get; set; } = 0.25;
    /// <summary>Failures in a row (FO-7). 2 to 100.</summary>
    [Range(2, 100)] public int Failures { get; set; } = 3;
    /// <summary>A standby confirms the loss when its stream has been silent for so long; longer than any stall that must not count. 0.1 to 60.</summary>
    [Range(0.1, 60)] public double SilenceSeconds { get; set; } = 0.5;
    /// <summary>A primary that answers but does not commit is given up after so long: storage may stand still for moments under load or while it fails over itself. 0.5 to 600.</summary>
    [Range(0.5, 600)] public double StallSeconds { get; set; } = 10;
    /// <summary>After a failover nothing is done by itself for so long. 0 to 86,400.</summary>
    [Range(0, 86_400)] public double CooldownSeconds { get; set; } = 300;
}

/// <summary>When people are told that a move should be looked at (FO-7); nothing moves by it. Judged from the critical and high services of the primary's region, over 5 min.</summary>
public sealed class AdviceOptions
{
    /// <summary>Share of failed requests or probes, in percent. 1 to 100.</summary>
    [Range(1, 100)] public double ErrorPercent { get; set; } = 30;
    /// <summary>Response time at the 95th percentile. 0.05 to 300.</summary>
    [Range(0.05, 300)] public double ResponseSeconds { get; set; } = 2;
    /// <summary>Looks in a row, to speak and to take it back. 1 to 100.</summary>
    [Range(1, 100)] public int Looks { get; set; } = 3;
    /// <summary>Between looks. 0.1 to 300.</summary>
    [Range(0.1, 300)] public double IntervalSeconds { get; set; } = 5;
}

/// <summary>All mistakes at once.</summary>
internal sealed class FailoverOptionsValidator : IValidateOptions<FailoverOptions>
{
    public ValidateOptionsResult Validate(string? name, FailoverOptions options)
    {
        var mistakes = new List<ValidationResult>();
        foreach (var part in new object[] { options, options.Watch, options.Detection, options.Advice }) Validator.TryValidateObject(part, new ValidationContext(part), mistakes, validateAllProperties: true);
        var words = mistakes.Select(m => $"{FailoverOptions.Section}: {m.ErrorMessage}").ToList();
        if (options.Detection.SilenceSeconds < options.Detection.TimeoutSeconds)
            words.Add("Failover:Detection:SilenceSeconds is shorter than TimeoutSeconds: standbys would confirm a loss before it is seen.");
        if (options.Detection.StallSeconds < options.Detection.SilenceSeconds)
            words.Add("Failover:Detection:StallSeconds is shorter than SilenceSeconds: a primary that still answers would be given up before one that is silent.");
        return words.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(words);
    }
}
