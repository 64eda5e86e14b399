using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Playwright;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Browser.Tests.Journeys;

/// <summary>From the tap on the emergency stop to the last fault gone, seen at the proxies, the disks and the applications themselves.</summary>
public sealed class StopTests(ConsoleUnderTest console)
{
    private static readonly string[] FiveAtOnce = ["network-latency", "network-bandwidth", "network-resets", "application-latency", "host-disk"];
    /// <summary>A loaded machine; bench/README.md holds the figure.</summary>
    private const double MostSeconds = 5;

    private const string Run = """
        async ids => {
          const post = (path, body) => fetch(`/api/v1/experiments/${path}`, { method: 'POST', headers: { 'X-OpsConsole': '1', 'Content-Type': 'application/json' }, body: JSON.stringify(body) }).then(r => r.json());
          const operations = [];
          for (const id of ids) {
            const shown = await post(`${id}/preview`, { durationSeconds: 180 });
            const asked = await post(`${id}/run`, { durationSeconds: 180, planHash: shown.plan.hash, reason: 'measurement' });
            if (!asked.operationId) throw new Error(`${id}: ${JSON.stringify(asked)}`);
            operations.push(asked.operationId);
          }
          for (const id of operations)
            while ((await (await fetch(`/api/v1/operations/${id}`)).json()).result?.injection !== 'passed') await new Promise(done => setTimeout(done, 200));
          return operations.length;
        }
        """;

    [Fact]
    public async Task Stop_TappedTwiceOnAPhoneWhileFiveExperimentsRun_EveryFaultIsGoneInSeconds()
    {
        var page = await console.PersonAsync("operator", Device.Phone);
        await page.OpenAsync("/chaos");
        Assert.Equal(FiveAtOnce.Length, await page.EvaluateAsync<int>(Run, FiveAtOnce).WaitAsync(TimeSpan.FromSeconds(90)));
        Assert.True(await FaultsAsync() > FiveAtOnce.Length);
        var button = page.Locator("[data-emergency-stop]");

        var began = TimeProvider.System.GetTimestamp();
        await button.TapAsync();
        await button.TapAsync();
        while (await FaultsAsync() > 0 && TimeProvider.System.GetElapsedTime(began).TotalSeconds < 30) await Task.Delay(10);
        var gone = TimeProvider.System.GetElapsedTime(began);
        await Assertions.Expect(page.Locator("[data-stop-said]")).ToContainTextAsync("verified", new() { Timeout = 15_000 });
        var said = TimeProvider.System.GetElapsedTime(began);
        var words = await page.Locator("[data-stop-said]").TextContentAsync();
        await page.ShootAsync("stop-phone");
        await page.EvaluateAsync("() => fetch('/api/v1/emergency-stop/release', { method: 'POST', headers: { 'X-OpsConsole': '1', 'Content-Type': 'application/json' }, body: JSON.stringify({ reason: 'test is over' }) })");
        await page.Context.CloseAsync();

        TestContext.Current.TestOutputHelper?.WriteLine($"from the tap: all faults gone after {gone.TotalMilliseconds:0} ms, the page says so after {said.TotalMilliseconds:0} ms: {words}");
        Assert.InRange(gone.TotalSeconds, 0, MostSeconds);
    }

    /// <summary>Toxics at the proxies, files on the scratch disks, switches of the applications.</summary>
    private async Task<int> FaultsAsync()
    {
        var toxics = console.Fleet.Network.Proxies.Values.Sum(p => p.Toxics.Count);
        var files = Directory.EnumerateFiles(console.Fleet.Paths.SitesRoot, "*.fill", SearchOption.AllDirectories).Count();
        if (toxics + files > 0) return toxics + files;
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        var switches = 0;
        foreach (var region in Sites.Regions)
        {
            var now = await http.GetFromJsonAsync<JsonObject>($"http://127.0.0.1:{console.Fleet.Ports.Api(region.Id)}/faults");
            if ((double)now!["errorPercent"]! > 0 || (double)now["latencyMs"]! > 0) switches++;
        }
        return switches;
    }
}
