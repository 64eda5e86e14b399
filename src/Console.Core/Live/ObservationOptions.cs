namespace OpsConsole.Core.Live;

/// <summary>Configuration section <c>Observation</c>.</summary>
public sealed class ObservationOptions
{
    public const string Section = "Observation";

    /// <summary>Least time between two batches to viewers. 0.05 to 5 s.</summary>
    public double BatchIntervalSeconds { get; set; } = 0.1;
    /// <summary>How often figures and ages are published; facts (status, role, state) do not wait for it. 0.1 to 60 s.</summary>
    public double FigureIntervalSeconds { get; set; } = 1;
    /// <summary>HE-1: failures of a probe that has not succeeded since the console started leave it unknown for so long. 0 to 600 s.</summary>
    public double StartGraceSeconds { get; set; } = 40;
    /// <summary>Sliding window of availability, error rate and percentiles (HE-3). 60 to 3,600 s.</summary>
    public double WindowSeconds { get; set; } = 300;
    /// <summary>HE-2: P95 of the response time above which a service is degraded, in ms.</summary>
    public double DegradedResponseMs { get; set; } = 1000;
    /// <summary>HE-2: share of errors above which a service is degraded, in percent.</summary>
    public double DegradedErrorPercent { get; set; } = 5;
    /// <summary>A node that observes is replaced by another when it has not renewed its lease for so long. 1 to 60 s.</summary>
    public double LeaseSeconds { get; set; } = 3;
    /// <summary>Days for which raw samples are kept; likewise the minute, hour and day roll-ups.</summary>
    public int RawDays { get; set; } = 7;
    public int MinuteDays { get; set; } = 30;
    public int HourDays { get; set; } = 400;
    public int DayDays { get; set; } = 3650;
}
