using System.Net.Sockets;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>Round trip and loss by TCP: several connections, one after another. Response time: the median of those that stood; a
/// connection that is refused has made its round trip too. Fails when none did.</summary>
internal sealed class LatencyProbe(TcpTarget target, Names names, TimeProvider time, TimeSpan timeout) : IProbe
{
    private const int Rounds = 5;

    public async ValueTask<ProbeResult> RunAsync(CancellationToken cancel)
    {
        var micros = new List<int>(Rounds);
        for (var round = 0; round < Rounds; round++)
        {
            using var one = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            one.CancelAfter(timeout / Rounds * 0.9);
            var began = time.GetTimestamp();
            try
            {
                using var socket = await target.ConnectAsync(names, one.Token);
                micros.Add(ProbeResult.Micros(time.GetElapsedTime(began)));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                micros.Add(ProbeResult.Micros(time.GetElapsedTime(began)));
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                // Lost: counted by its absence.
            }
        }
        var loss = (Rounds - micros.Count) * 100.0 / Rounds;
        KeyValuePair<string, double>[] gauges = [new(GaugeNames.LossPercent, loss)];
        if (micros.Count == 0)
            return new ProbeResult(ProbeOutcome.Timeout, ProbeResult.Micros(timeout), 0, "all packets lost", gauges);
        micros.Sort();
        return new ProbeResult(ProbeOutcome.Success, micros[micros.Count / 2], 0, null, gauges);
    }
}
