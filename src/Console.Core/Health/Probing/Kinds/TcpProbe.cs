using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>TCP: a connection can be made. Response time: until it stands.</summary>
internal sealed class TcpProbe(TcpTarget target, Names names, TimeProvider time) : IProbe
{
    public async ValueTask<ProbeResult> RunAsync(CancellationToken timeout)
    {
        var began = time.GetTimestamp();
        using var socket = await target.ConnectAsync(names, timeout);
        return new ProbeResult(ProbeOutcome.Success, ProbeResult.Micros(time.GetElapsedTime(began)));
    }
}
