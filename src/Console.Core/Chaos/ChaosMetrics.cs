using System.Diagnostics.Metrics;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>The figures of IF-2 about experiments, on the meter that <c>/metrics</c> shows.</summary>
public sealed class ChaosMetrics : IDisposable
{
    /// <summary>As the host's own meter: one name for all of the console's figures.</summary>
    private const string MeterName = "OpsConsole";

    private readonly Meter _meter;
    private readonly Counter<long> _experiments;
    private readonly Histogram<double> _recovery;

    public ChaosMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(MeterName);
        _experiments = _meter.CreateCounter<long>("chaos_experiments", description: "Experiments that ended on this node");
        _recovery = _meter.CreateHistogram<double>("system_recovery_time_seconds", description: "Time from the clean-up of an experiment until the steady state was back");
    }

    /// <param name="type">kind of fault</param>
    /// <param name="status">passed, failed, aborted or notRun</param>
    public void Ended(string type, Severity severity, string status) => _experiments.Add(1, Tag("type", type), Tag("severity", severity.Word()), Tag("status", status));

    public void Recovered(string type, Severity severity, double seconds) => _recovery.Record(seconds, Tag("experiment_type", type), Tag("severity", severity.Word()));

    private static KeyValuePair<string, object?> Tag(string name, string value) => KeyValuePair.Create(name, (object?)value);

    public void Dispose() => _meter.Dispose();
}
