using System.Globalization;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills.Tests;

/// <summary>Requests at a steady rate to what customers call, judged by answers and times. Bounded: it must not become an outage.</summary>
/// <param name="id"><c>load</c> or <c>stress</c></param>
/// <param name="perSecond">requests a second</param>
public sealed class LoadTest(ChaosOptions options, TimeProvider time, string id, double perSecond, double mostErrorPercent, double mostP95Ms) : IDrillTest
{
    private static readonly TimeSpan Lasts = TimeSpan.FromSeconds(5);
    public string Id => id;

    public async Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context)
    {
        if (options.CustomerUrl.Length == 0) return DrillOutcome.Skipped("it is not configured what customers call (Chaos:CustomerUrl)");
        await using var meter = new RequestMeter(options.CustomerUrl, TimeSpan.FromSeconds(1 / perSecond), time);
        await Task.Delay(Lasts, time, context.Cancel);
        var (errors, p95) = (meter.Measure("errorRatePercent", Lasts, 10), meter.Measure("p95Ms", Lasts, 10));
        if (errors is null || p95 is null) return DrillOutcome.Failed("too few answers to judge");
        return DrillOutcome.Of(errors <= mostErrorPercent && p95 <= mostP95Ms,
            string.Create(CultureInfo.InvariantCulture, $"{perSecond:0} requests/s for {Lasts.TotalSeconds:0} s: {errors:0.##} % failed (limit {mostErrorPercent:0} %), p95 {p95:0} ms (limit {mostP95Ms:0} ms)"));
    }
}
