using OpsConsole.Core.Health.Probing;

namespace OpsConsole.Core.Health.Verdicts;

internal enum UpDown { Unknown, Up, Down }

/// <summary>One probe's verdict with hysteresis: down after so many failures in a row, up again after so many successes. The first
/// success of an unknown probe counts at once; its failures do not count during the start grace.</summary>
internal sealed class ProbeVerdict(ProbeSpec spec, TimeSpan window, DateTimeOffset graceEnds)
{
    private static readonly TimeSpan LeastPatience = TimeSpan.FromSeconds(1.5);

    private int _inARow;
    private bool _lastFailed;
    private bool _everUp;

    public ProbeSpec Spec { get; } = spec;
    public ProbeWindow Window { get; } = new(window, spec.Interval);
    public UpDown State { get; private set; }
    public DateTimeOffset? LastSampleAt { get; private set; }
    /// <summary>Since when the probe has been up without a break: samples before say nothing about the service as it is now.</summary>
    public DateTimeOffset UpSince { get; private set; } = DateTimeOffset.MinValue;
    public string? Error { get; private set; }

    /// <summary>Open from the verdict "down" on, half-open between the first success and the verdict "up" (HE-5).</summary>
    public Live.CircuitState Circuit => State != UpDown.Down ? Live.CircuitState.Closed
        : _lastFailed || LastSampleAt is null ? Live.CircuitState.Open : Live.CircuitState.HalfOpen;

    public void Seed(UpDown state) => State = state;

    /// <summary>Forgets the failures so far: the next sample decides.</summary>
    public void Reset()
    {
        State = UpDown.Unknown;
        _inARow = 0;
    }

    /// <returns>whether the verdict, the circuit or the freshness changed</returns>
    public bool Add(ProbeSample sample)
    {
        var before = (State, Circuit, LastSampleAt is null);
        var failed = sample.Outcome != ProbeOutcome.Success;
        _inARow = failed == _lastFailed ? _inARow + 1 : 1;
        _lastFailed = failed;
        Error = failed ? sample.Error : null;
        // A target that is still starting has no availability yet, good or bad.
        var starting = failed && !_everUp && State == UpDown.Unknown && sample.At < graceEnds;
        if (!starting) Window.Add(sample);
        LastSampleAt = sample.At.AddTicks(sample.DurationMicros * 10L);
        if (!failed && (State == UpDown.Unknown || (State == UpDown.Down && _inARow >= Spec.SuccessThreshold)))
            Up(sample.At);
        else if (failed && State != UpDown.Down && _inARow >= Spec.FailureThreshold && (_everUp || State == UpDown.Up || sample.At >= graceEnds))
            State = UpDown.Down;
        return before != (State, Circuit, false);
    }

    /// <summary>No sample within three intervals: the verdict is unknown from then on.</summary>
    public bool GoneStale(DateTimeOffset now, DateTimeOffset started)
    {
        if (State == UpDown.Unknown || now - (LastSampleAt ?? started) <= Patience)
            return false;
        Reset();
        return true;
    }

    private TimeSpan Patience
    {
        get
        {
            var patience = Spec.Interval * 3;
            return patience < LeastPatience ? LeastPatience : patience;
        }
    }

    private void Up(DateTimeOffset at)
    {
        State = UpDown.Up;
        UpSince = at;
        _everUp = true;
    }
}
