namespace OpsConsole.Core.Live;

/// <summary>A long-running part of the observing half. All registered observers run on the one node that holds the probe lease, from
/// when it gets the lease until it loses it; each is started again, after a pause, when it throws.</summary>
public interface IObserver
{
    /// <summary>Shown in logs and as a component when it fails.</summary>
    string Name { get; }

    /// <summary>Observes until cancelled. Returning before that counts as a failure.</summary>
    Task RunAsync(CancellationToken cancel);
}
