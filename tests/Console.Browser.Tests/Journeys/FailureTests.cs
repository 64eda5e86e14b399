using System.Diagnostics;
using Microsoft.Playwright;

namespace OpsConsole.Browser.Tests.Journeys;

public sealed class FailureTests(ConsoleUnderTest console)
{
    private const string Victim = "ap-southeast-1";
    private static readonly TimeSpan RedWithin = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task ApiStandsStill_RedInTheBrowserWithinASecondOfTheVerdict()
    {
        var page = await console.ViewerAsync();
        await page.OpenAsync($"/services/{Victim}-orders");
        // Degraded for five minutes when an experiment of another journey has slowed it.
        await Assertions.Expect(page.Locator(".page-header").Locator(".status-healthy, .status-degraded").First).ToBeVisibleAsync(new() { Timeout = 60_000 });
        // Both clocks are this machine's: the verdict's moment is on the page, the browser notes when it turned.
        var turned = page.EvaluateAsync<double>("""
            () => new Promise(done => new MutationObserver((_, watch) => {
              if (document.querySelector('.page-header .status-failed')) { watch.disconnect(); done(Date.now()); }
            }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true }))
            """);

        using var api = OrdersApi(Victim);
        await SignalAsync(api, "STOP");
        try
        {
            var seen = DateTimeOffset.FromUnixTimeMilliseconds((long)await turned.WaitAsync(TimeSpan.FromSeconds(60)));
            var verdict = DateTimeOffset.Parse(await page.Locator("main p[data-live] live-when").First.GetAttributeAsync("at") ?? "", null);
            TestContext.Current.SendDiagnosticMessage($"red {(seen - verdict).TotalMilliseconds:0} ms after the verdict");
            Assert.InRange(seen - verdict, TimeSpan.FromSeconds(-0.1), RedWithin);
            await page.OpenAsync("/");
            await Assertions.Expect(page.GetByRole(AriaRole.List, new() { Name = "Regions" }).GetByRole(AriaRole.Link).Filter(new() { HasText = Victim })).Not.ToContainTextAsync("healthy");
        }
        finally
        {
            await SignalAsync(api, "CONT");
        }
        // The journeys after this one find the fleet as it was.
        await page.OpenAsync($"/services/{Victim}-orders");
        await Assertions.Expect(page.Locator(".page-header").Locator(".status-healthy, .status-degraded").First).ToBeVisibleAsync(new() { Timeout = 60_000 });
    }

    [Fact]
    public async Task ConsoleKilled_PageSaysSoAndComesBackByItself()
    {
        var page = await console.ViewerAsync();
        await page.OpenAsync("/services?region=us-east-1");

        using (var process = Process.GetProcessById(console.Fleet.Consoles.Pids[0])) process.Kill();

        await Assertions.Expect(page.GetByText("The connection to the console was lost")).ToBeVisibleAsync(new() { Timeout = 15_000 });
        Assert.Equal("lost", await page.EvaluateAsync<string>("document.documentElement.dataset.link"));
        await Assertions.Expect(page.GetByText("The connection to the console was lost")).ToBeHiddenAsync(new() { Timeout = 60_000 });
        await Assertions.Expect(page.GetByLabel("Region")).ToHaveValueAsync("us-east-1");
    }

    private static async Task SignalAsync(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        await kill.WaitForExitAsync();
    }

    private static Process OrdersApi(string region)
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)))
        {
            try
            {
                var command = File.ReadAllText(Path.Combine(directory, "cmdline")).Split('\0');
                if (command.Contains("orders-api") && command.Any(c => c.Contains($"opsconsole-browser-{Environment.ProcessId}", StringComparison.Ordinal) && c.Contains(region, StringComparison.Ordinal)))
                    return Process.GetProcessById(int.Parse(Path.GetFileName(directory)));
            }
            catch (IOException)
            {
                // The process ended meanwhile.
            }
        }
        throw new InvalidOperationException($"The orders API of {region} does not run.");
    }
}
