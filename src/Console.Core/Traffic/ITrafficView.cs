using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Traffic;

/// <param name="Detail">one sentence: what is up and where writes go</param>
/// <param name="Http">by region; empty when the manager carries no HTTP traffic</param>
public sealed record TrafficReading(HealthStatus Status, string Detail, IReadOnlyDictionary<string, RegionCounters> Http);

/// <summary>The observing side of a traffic manager.</summary>
public interface ITrafficView
{
    /// <exception cref="TrafficManagerException">It does not answer, or not in a way that is understood.</exception>
    Task<TrafficReading> ReadAsync(CancellationToken cancel);
}

/// <summary>Makes the view of a declared traffic manager.</summary>
public interface ITrafficDriver
{
    bool Serves(TrafficManagerKind kind);
    ITrafficView View(TrafficManagerOptions manager);
}

public sealed class TrafficManagerException : Exception
{
    public TrafficManagerException()
    {
    }

    public TrafficManagerException(string message) : base(message)
    {
    }

    public TrafficManagerException(string message, Exception inner) : base(message, inner)
    {
    }
}
