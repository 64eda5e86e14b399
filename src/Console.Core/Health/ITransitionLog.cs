using OpsConsole.Core.Live;

namespace OpsConsole.Core.Health;

/// <param name="Kind">region, service, cluster, link or component</param>
public sealed record Transition(DateTimeOffset At, string Kind, string Key, HealthStatus From, HealthStatus To, string Reason);

/// <summary>Where changes of status go, one by one. Never blocks; kept and retried while the console's database is away.</summary>
public interface ITransitionLog
{
    void Record(Transition transition);
}
