using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Objectives;

/// <summary>What a recovery is for, when its targets depend on it (OB-1).</summary>
public enum RecoveryScenario { DatabaseCorruption, ServiceFailure, DataCentreOutage, CompleteLoss, ApplicationRecovery, CrossRegionRecovery }

/// <param name="RtoSeconds">longest time until service is restored</param>
/// <param name="RpoSeconds">longest stretch of acknowledged writes that may be lost</param>
public sealed record RecoveryTargets(double RtoSeconds, double RpoSeconds);

/// <param name="Source">cluster, tier, default or scenario</param>
public sealed record BindingTarget(double Seconds, string Source);

/// <summary>The targets of OB-1 and the rule that says which of them binds.</summary>
public static class ObjectiveTargets
{
    private const double Minute = 60;
    private const double Hour = 3600;

    /// <summary>Where neither cluster nor tier says anything.</summary>
    public static RecoveryTargets Default { get; } = new(15 * Minute, 5 * Minute);

    public static RecoveryTargets OfTier(ServiceTier tier) => tier switch
    {
        ServiceTier.Critical => new(2 * Hour, 30 * Minute),
        ServiceTier.High => new(4 * Hour, Hour),
        ServiceTier.Medium => new(8 * Hour, 4 * Hour),
        ServiceTier.Low => new(24 * Hour, 24 * Hour),
        _ => Default,
    };

    public static double AvailabilityPercentOfTier(ServiceTier tier) => tier switch
    {
        ServiceTier.Critical => 99.99,
        ServiceTier.High => 99.95,
        ServiceTier.Medium => 99.9,
        _ => 99.5,
    };

    public static RecoveryTargets OfScenario(RecoveryScenario scenario) => scenario switch
    {
        RecoveryScenario.DatabaseCorruption => new(4 * Hour, Hour),
        RecoveryScenario.ServiceFailure => new(15 * Minute, 0),
        RecoveryScenario.DataCentreOutage => new(8 * Hour, 24 * Hour),
        RecoveryScenario.CompleteLoss => new(24 * Hour, 24 * Hour),
        RecoveryScenario.ApplicationRecovery => new(Hour, 15 * Minute),
        _ => new(4 * Hour, Hour),
    };

    /// <param name="tier">null: the thing has no tier</param>
    /// <param name="scenario">null: outside any scenario</param>
    public static BindingTarget Rto(double? own, ServiceTier? tier, RecoveryScenario? scenario = null) => Bind(own, tier, scenario, t => t.RtoSeconds);

    /// <inheritdoc cref="Rto"/>
    public static BindingTarget Rpo(double? own, ServiceTier? tier, RecoveryScenario? scenario = null) => Bind(own, tier, scenario, t => t.RpoSeconds);

    // The cluster's own target, else its tier's, else the default; in a scenario the scenario's where it is stricter.
    private static BindingTarget Bind(double? own, ServiceTier? tier, RecoveryScenario? scenario, Func<RecoveryTargets, double> of)
    {
        var standing = own is { } seconds ? new BindingTarget(seconds, "cluster")
            : tier is { } known ? new BindingTarget(of(OfTier(known)), "tier")
            : new BindingTarget(of(Default), "default");
        return scenario is { } case_ && of(OfScenario(case_)) is var strict && strict < standing.Seconds ? new BindingTarget(strict, "scenario") : standing;
    }
}
