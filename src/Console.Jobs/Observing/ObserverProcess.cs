using Hangfire.Server;
using OpsConsole.Core.Live.Nodes;

namespace OpsConsole.Jobs.Observing;

/// <summary>Carries the observing half inside the Hangfire server, as one process that runs as long as the server does.</summary>
public sealed class ObserverProcess(ObserverNode node) : IBackgroundProcess
{
    /// <summary>Blocks the thread that Hangfire gives each process; everything below is asynchronous.</summary>
    public void Execute(BackgroundProcessContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        node.RunAsync(context.StoppingToken).GetAwaiter().GetResult();
    }
}
