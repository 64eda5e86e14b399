namespace OpsConsole.Core.Failover;

/// <summary>Measures what a preflight looks at.</summary>
public interface IFailoverFacts
{
    /// <summary>Facts of one cluster, as fresh as the live picture; what cannot be measured is null.</summary>
    Task<PreflightFacts> GatherAsync(string cluster, CancellationToken cancel);
}
