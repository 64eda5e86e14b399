using System.Threading.Channels;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>What waits to be written: bounded, oldest dropped first and counted. Never blocks the observers.</summary>
public sealed class TelemetryBuffer : IMetricSink, ITransitionLog, IProbeSink
{
    // 24 bytes each: at 500 samples/s about half an hour without the database, at 30/s about nine hours.
    private const int SampleLimit = 1_000_000;
    private const int TransitionLimit = 10_000;

    private long _droppedSamples;
    private long _droppedTransitions;

    public TelemetryBuffer()
    {
        var oldestGoes = new BoundedChannelOptions(SampleLimit) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true };
        Samples = Channel.CreateBounded<RawSample>(oldestGoes, _ => Interlocked.Increment(ref _droppedSamples));
        Metrics = Channel.CreateBounded<RawMetric>(oldestGoes, _ => Interlocked.Increment(ref _droppedSamples));
        Transitions = Channel.CreateBounded<Transition>(
            new BoundedChannelOptions(TransitionLimit) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _droppedTransitions));
    }

    internal Channel<RawSample> Samples { get; }
    internal Channel<RawMetric> Metrics { get; }
    internal Channel<Transition> Transitions { get; }

    /// <summary>Samples and metric values dropped so far.</summary>
    public long Dropped => Interlocked.Read(ref _droppedSamples) + Interlocked.Read(ref _droppedTransitions);

    public void Record(string series, DateTimeOffset at, double value)
    {
        if (double.IsFinite(value))
            Metrics.Writer.TryWrite(new RawMetric(series, at, value));
    }

    public void Record(Transition transition) => Transitions.Writer.TryWrite(transition);

    public void Record(ProbeSample sample) =>
        Samples.Writer.TryWrite(new RawSample(sample.Probe, sample.At.UtcTicks, sample.DurationMicros, sample.StatusCode, sample.Outcome));
}

internal readonly record struct RawSample(int Probe, long AtTicks, int DurationMicros, short StatusCode, ProbeOutcome Outcome);

internal readonly record struct RawMetric(string Series, DateTimeOffset At, double Value);
