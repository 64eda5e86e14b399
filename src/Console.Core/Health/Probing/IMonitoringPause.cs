namespace OpsConsole.Core.Health.Probing;

/// <summary>Whether people have paused monitoring (FL-5). Asked before each run of a probe: answers at once.</summary>
public interface IMonitoringPause
{
    bool Covers(string service);
}
