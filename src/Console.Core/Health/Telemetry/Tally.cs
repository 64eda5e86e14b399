namespace OpsConsole.Core.Health.Telemetry;

/// <summary>What a span of a series sums up to; fed with samples, values, or the rows of a finer level. Used again after Clear.</summary>
internal sealed class Tally
{
    private readonly LogHistogram _histogram = new();

    /// <summary>Samples or values.</summary>
    public int Count { get; private set; }
    public int Errors { get; private set; }
    public int ClientErrors { get; private set; }
    public int ServerErrors { get; private set; }
    /// <summary>How many carried a value: all values; of samples those that were answered.</summary>
    public int Valued { get; private set; }
    public double Total { get; private set; }
    public double Greatest { get; private set; }

    public void Clear()
    {
        _histogram.Clear();
        Count = Errors = ClientErrors = ServerErrors = Valued = 0;
        Total = 0;
        Greatest = double.MinValue;
    }

    /// <param name="milliseconds">response time</param>
    public void AddSample(ProbeOutcome outcome, double milliseconds)
    {
        Count++;
        if (outcome != ProbeOutcome.Success)
            Errors++;
        if (outcome == ProbeOutcome.ClientError)
            ClientErrors++;
        if (outcome == ProbeOutcome.ServerError)
            ServerErrors++;
        if (outcome is ProbeOutcome.Failure or ProbeOutcome.Timeout)
            return;
        AddOne(milliseconds);
    }

    public void AddValue(double value)
    {
        Count++;
        AddOne(value);
    }

    public void AddRow(in RollUpRow row)
    {
        Count += row.Count;
        Errors += row.Errors;
        ClientErrors += row.ClientErrors;
        ServerErrors += row.ServerErrors;
        Valued += row.Valued;
        Total += row.Total;
        if (row.Valued > 0)
            Greatest = Math.Max(Greatest, row.Greatest);
        // A single raw value has no histogram of its own.
        if (row.Histogram.Length == 0 && row.Valued == 1)
            _histogram.Add(row.Total);
        else
            _histogram.Merge(row.Histogram);
    }

    public double? Mean => Valued == 0 ? null : Total / Valued;

    // A bucket's middle may lie above the greatest value that was seen.
    public double? Percentile(double percent) => _histogram.Percentile(percent) is { } value ? Math.Min(value, Greatest) : null;

    public double? Max => Valued == 0 ? null : Greatest;

    public RollUpRow ToRow(int series, DateTime at) => new(series, at, Count, Errors, ClientErrors, ServerErrors, Valued, Total,
        Valued == 0 ? 0 : (float)Greatest, (float?)Percentile(50), (float?)Percentile(95), (float?)Percentile(99), _histogram.ToBytes());

    private void AddOne(double value)
    {
        Valued++;
        Total += value;
        Greatest = Math.Max(Greatest, value);
        _histogram.Add(value);
    }
}

/// <summary>One row of a roll-up table.</summary>
internal readonly record struct RollUpRow(
    int Series, DateTime At, int Count, int Errors, int ClientErrors, int ServerErrors, int Valued, double Total, float Greatest,
    float? P50, float? P95, float? P99, byte[] Histogram);
