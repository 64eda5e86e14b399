namespace OpsConsole.Core.Health;

/// <summary>Where numeric series that are not probe outcomes go to be stored and rolled up: <c>link:{key}:lagSeconds</c>,
/// <c>cluster:{id}:rpoSeconds</c>, <c>latency:{key}:ms</c>, <c>service:{id}:gauge:{name}</c>, <c>region:{id}:availability</c>, ...</summary>
public interface IMetricSink
{
    /// <summary>Buffers one value; never blocks, never throws. Values that are not finite are left out. While the console's
    /// database is away the newest values are kept, up to a bound; what is dropped is counted and shown as a component.</summary>
    void Record(string series, DateTimeOffset at, double value);
}
