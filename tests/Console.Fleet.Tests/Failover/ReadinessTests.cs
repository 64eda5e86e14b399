using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

[Collection(SharedFleet.Backups)]
public sealed class ReadinessTests(SandboxFixture sandbox)
{
    [Fact]
    public async Task Observer_NobodyAsks_EveryPairIsKnownWithNothingUnknown()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var source = console.Primary;

        await Eventually.TrueAsync(() => console.Picture.Readiness.Count == 12
            && console.Picture.Readiness.Values.Where(r => r.Source == source).All(r => r.Verdict != CheckVerdict.Blocking && r is { LoadRps: > 0, ClockSkewSeconds: not null }
                && r.Checks.Where(c => c.Id is "capacity-n-1" or "clock-skew").All(c => c.Verdict == CheckVerdict.Passed)), "readiness of every pair", TimeSpan.FromSeconds(30));
        var seen = console.Picture.Readiness.Values.Max(r => r.AsOf);
        await Eventually.TrueAsync(() => console.Picture.Readiness.Values.All(r => r.AsOf > seen), "readiness is measured again", TimeSpan.FromSeconds(20));
    }
}
