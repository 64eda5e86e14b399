using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Approvals;

/// <param name="Approvers">how many different people; 0: none needed</param>
/// <param name="StepUp">each of them with a fresh second factor</param>
public sealed record ApprovalRule(int Approvers, bool StepUp)
{
    [JsonIgnore]
    public bool Required => Approvers > 0;

    public static ApprovalRule None { get; } = new(0, false);

    public ApprovalRule Stricter(ApprovalRule other) => new(Math.Max(Approvers, other.Approvers), StepUp || other.StepUp);
}

/// <summary>Who must agree to what. Versioned; a new version needs approval under the present one.</summary>
public sealed record ApprovalPolicy
{
    public ImmutableSortedDictionary<Severity, ApprovalRule> BySeverity { get; init; } = ImmutableSortedDictionary.CreateRange(new Dictionary<Severity, ApprovalRule>
    {
        [Severity.Low] = ApprovalRule.None,
        [Severity.Medium] = new(1, false),
        [Severity.High] = new(1, true),
        [Severity.Critical] = new(2, true),
    });
    /// <summary>When a blocking check is overridden, whatever the severity.</summary>
    public ApprovalRule Override { get; init; } = new(2, true);
    /// <summary>For a new version of this policy.</summary>
    public ApprovalRule PolicyChange { get; init; } = new(2, true);
    /// <summary>An approval that is not complete by then is refused. 1 to 1,440.</summary>
    public double ApprovalMinutes { get; init; } = 30;
    /// <summary>How long an approved operation may wait for its start. 1 to 1,440.</summary>
    public double ExecuteMinutes { get; init; } = 60;
    /// <summary>Age at which a second factor is no longer fresh. 10 to 900.</summary>
    public double StepUpSeconds { get; init; } = 120;
    /// <summary>A break-glass start is to be reviewed within. 1 to 720.</summary>
    public double ReviewHours { get; init; } = 24;

    public ApprovalRule For(Plan plan)
    {
        var rule = BySeverity.GetValueOrDefault(plan.Severity, PolicyChange);
        return plan.Overrides.Length > 0 ? rule.Stricter(Override) : rule;
    }

    [JsonIgnore]
    public string Canonical => OperationJson.Canonical(JsonSerializer.SerializeToNode(this, OperationJson.Options));

    [JsonIgnore]
    public string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Canonical)));

    public static ApprovalPolicy Read(string json) => JsonSerializer.Deserialize<ApprovalPolicy>(json, OperationJson.Options) ?? throw new JsonException("A policy is not null.");

    internal IEnumerable<string> Mistakes()
    {
        foreach (var severity in Enum.GetValues<Severity>())
        {
            if (!BySeverity.TryGetValue(severity, out var rule)) yield return $"bySeverity.{severity.Word()} is missing";
            else if (rule.Approvers is < 0 or > 5) yield return $"bySeverity.{severity.Word()}.approvers is {rule.Approvers}: give 0 to 5";
        }
        if (!BySeverity.GetValueOrDefault(Severity.Critical, ApprovalRule.None).Required) yield return "critical operations need at least one approver";
        if (!Override.Required) yield return "overriding a blocking check needs at least one approver";
        if (!PolicyChange.Required) yield return "changing this policy needs at least one approver";
        if (ApprovalMinutes is < 1 or > 1440) yield return $"approvalMinutes is {ApprovalMinutes}: give 1 to 1440";
        if (ExecuteMinutes is < 1 or > 1440) yield return $"executeMinutes is {ExecuteMinutes}: give 1 to 1440";
        if (StepUpSeconds is < 10 or > 900) yield return $"stepUpSeconds is {StepUpSeconds}: give 10 to 900";
        if (ReviewHours is < 1 or > 720) yield return $"reviewHours is {ReviewHours}: give 1 to 720";
    }
}
