using System.Globalization;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>A queue in Redis: the list named <c>Resource</c> (length), <c>Resource:active</c> (tasks in work, a list too) and the hash
/// <c>Resource:stats</c> with the ever-growing fields <c>succeeded</c>, <c>failed</c>, <c>durationMs</c>: success rate and mean
/// duration are those since the last look. What does not exist is left out.</summary>
internal sealed class QueueProbe(ProbeSpec spec, Names names, TimeProvider time) : IProbe
{
    private readonly TcpTarget _target = TcpTarget.Parse(spec.Target, 6379);
    private (double Succeeded, double Failed, double DurationMs)? _last;

    public async ValueTask<ProbeResult> RunAsync(CancellationToken timeout)
    {
        var began = time.GetTimestamp();
        using var redis = await Resp.ConnectAsync(_target, spec.Options.Username, spec.Options.Password, names, timeout);
        var key = spec.Options.Resource;
        var gauges = new List<KeyValuePair<string, double>>
        {
            new(GaugeNames.QueueLength, Number(await redis.CallAsync(timeout, "LLEN", key))),
            new(GaugeNames.QueueActive, Number(await redis.CallAsync(timeout, "LLEN", key + ":active"))),
        };
        var stats = (await redis.CallAsync(timeout, "HMGET", key + ":stats", "succeeded", "failed", "durationMs") ?? "").Split('\n');
        if (stats is [{ Length: > 0 } succeeded, var failed, var duration])
            Rates(gauges, (Number(succeeded), Number(failed), Number(duration)));
        return new ProbeResult(ProbeOutcome.Success, ProbeResult.Micros(time.GetElapsedTime(began)), 0, null, gauges);
    }

    private void Rates(List<KeyValuePair<string, double>> gauges, (double Succeeded, double Failed, double DurationMs) now)
    {
        if (_last is { } last && now.Succeeded + now.Failed > last.Succeeded + last.Failed)
        {
            var done = now.Succeeded + now.Failed - last.Succeeded - last.Failed;
            gauges.Add(new(GaugeNames.QueueSuccessPercent, Math.Round((now.Succeeded - last.Succeeded) * 100 / done, 2)));
            gauges.Add(new(GaugeNames.QueueDurationMs, Math.Round((now.DurationMs - last.DurationMs) / done, 1)));
        }
        _last = now;
    }

    private static double Number(string? text) => double.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
