using Microsoft.Playwright;

namespace OpsConsole.Browser.Tests.Journeys;

/// <summary>An operator runs an experiment, stops everything with one tap while the page has lost its circuit, and releases the stop.</summary>
public sealed class ChaosTests(ConsoleUnderTest console)
{
    [Fact]
    public async Task Experiment_StartedStoppedWithoutACircuitAndReleased()
    {
        var page = await console.PersonAsync("operator");
        await page.OpenAsync("/chaos");
        await Assertions.Expect(page.GetByRole(AriaRole.Region, new() { Name = "Library" }).GetByRole(AriaRole.Link, new() { Name = "Fill a host's scratch disk" })).ToBeVisibleAsync(new() { Timeout = 20_000 });
        await page.ShootAsync("chaos-desktop");
        await page.OpenAsync("/drills");
        await Assertions.Expect(page.GetByText("Next best:")).ToBeVisibleAsync(new() { Timeout = 20_000 });
        await page.ShootAsync("drills-desktop");

        await page.OpenAsync("/chaos/host-disk");
        var ask = page.GetByRole(AriaRole.Button, new() { Name = "Fill a host's scratch disk" });
        await Assertions.Expect(ask).ToBeVisibleAsync(new() { Timeout = 20_000 });
        await page.ShootAsync("experiment-desktop");
        await page.GetByLabel("Why (approvers").FillAsync("to see the disk alarm");
        await ask.ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Yes" }).ClickAsync();
        await page.WaitForURLAsync("**/operations/*");
        await Assertions.Expect(page.GetByText("MB filled").First).ToBeVisibleAsync(new() { Timeout = 30_000 });
        Assert.NotEmpty(Fills());

        // As when the console is restarted or the network blinks: no circuit, and the page is still there.
        await page.EvaluateAsync("() => Blazor._internal.forceCloseConnection()");
        await page.GetByRole(AriaRole.Button, new() { Name = "Emergency stop" }).ClickAsync();

        await Assertions.Expect(page.Locator("[data-stop-said]")).ToContainTextAsync("Reverted 1 of 1, verified", new() { Timeout = 15_000 });
        Assert.Empty(Fills());
        await page.OpenAsync("/chaos");
        await Assertions.Expect(page.GetByText("Experiments and drills are ended")).ToBeVisibleAsync(new() { Timeout = 15_000 });
        await page.GetByRole(AriaRole.Button, new() { Name = "Release the stop" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Yes" }).ClickAsync();
        await Assertions.Expect(page.GetByText("Experiments and drills are ended")).ToBeHiddenAsync(new() { Timeout = 15_000 });
    }

    [Fact]
    public async Task Phone_PagesOfChaosAndDrills_AreReadable()
    {
        foreach (var path in new[] { "chaos", "chaos/region-cut-off", "drills" })
        {
            var page = await console.ViewerAsync(Device.Phone, ColorScheme.Dark);
            await page.OpenAsync("/" + path);
            await Assertions.Expect(page.GetByText("Reading…")).ToBeHiddenAsync(new() { Timeout = 20_000 });
            await page.ShootAsync($"{path.Replace('/', '-')}-phone");
            Assert.Equal(0, await page.EvaluateAsync<int>("Math.max(0, document.documentElement.scrollWidth - innerWidth)"));
            await page.Context.CloseAsync();
        }
    }

    private IReadOnlyList<string> Fills() => [.. Directory.EnumerateFiles(console.Fleet.Paths.SitesRoot, "*.fill", SearchOption.AllDirectories)];
}
