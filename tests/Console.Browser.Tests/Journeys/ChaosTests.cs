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
        var operation = page.Url[(page.Url.LastIndexOf('/') + 1)..];
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

        var phone = await console.PersonAsync("viewer", Device.Phone, ColorScheme.Dark);
        await phone.GotoAsync($"/api/v1/operations/{operation}/report?format=html");
        await Assertions.Expect(phone.GetByRole(AriaRole.Heading, new() { Name = "Executed steps" })).ToBeVisibleAsync();
        await phone.ShootAsync("experiment-report-phone");
        Assert.Empty(await phone.EvaluateAsync<string[]>("() => [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => `${e.tagName} ${e.textContent.slice(0, 40)}`)"));
        Assert.Empty(await phone.SeriousFindingsAsync());
        Assert.Equal("rgb(20, 25, 31)", await phone.EvaluateAsync<string>("() => getComputedStyle(document.body).backgroundColor"));
    }

    [Fact]
    public async Task Critical_AskedSignedByTwoOnThePhoneAndStoppedThere()
    {
        var asking = await console.PersonAsync("operator");
        await asking.OpenAsync("/chaos/load-balancer-failure");
        var ask = asking.GetByRole(AriaRole.Button, new() { Name = "Ask: Close the load balancer" });
        await Assertions.Expect(ask).ToBeVisibleAsync(new() { Timeout = 20_000 });
        await asking.GetByLabel("Lasts, in seconds").FillAsync("120");
        await asking.GetByRole(AriaRole.Button, new() { Name = "Measure and plan again" }).ClickAsync();
        await Assertions.Expect(asking.GetByText("Watch for 120 s").Or(asking.GetByText("Watch for 2 min")).First).ToBeVisibleAsync(new() { Timeout = 20_000 });
        await asking.GetByLabel("Why (approvers").FillAsync("proof for the quarter");
        await ask.ClickAsync();
        await asking.GetByRole(AriaRole.Button, new() { Name = "Yes" }).ClickAsync();
        await asking.WaitForURLAsync("**/approvals/*");
        var path = new Uri(asking.Url).AbsolutePath;

        IPage phone = asking;
        foreach (var approver in new[] { "approver1", "approver2" })
        {
            phone = await console.PersonAsync(approver, Device.Phone, ColorScheme.Dark);
            await phone.OpenAsync(path);
            foreach (var fact in new[] { "edge-haproxy", "proof for the quarter", "no data; customers may see errors meanwhile", "open them again", "never run" })
                await Assertions.Expect(phone.Locator("dl.facts").GetByText(fact).First).ToBeVisibleAsync();
            await phone.ShootAsync("experiment-approval-phone");
            Assert.Empty(await phone.SeriousFindingsAsync());
            var approve = phone.GetByRole(AriaRole.Button, new() { Name = "Approve", Exact = true });
            var box = (await approve.BoundingBoxAsync())!;
            Assert.InRange(box.Y + box.Height, 0, 784); // above the bar, without scrolling
            await phone.GetByLabel("Code from your authenticator app").FillAsync(await console.CodeAsync(approver));
            await approve.ClickAsync();
            await Assertions.Expect(phone.GetByText($"by {approver}@")).ToBeVisibleAsync();
        }

        await phone.GetByRole(AriaRole.Link, new() { Name = "Follow the operation" }).ClickAsync();
        await Assertions.Expect(phone.Locator("#step-2").GetByText("running")).ToBeVisibleAsync(new() { Timeout = 30_000 });
        await phone.Locator("[data-emergency-stop]").TapAsync();
        await Assertions.Expect(phone.Locator("[data-stop-said]")).ToContainTextAsync("Reverted 1 of 1, verified", new() { Timeout = 15_000 });
        await phone.ShootAsync("experiment-stopped-phone");
        await asking.OpenAsync("/chaos");
        await asking.GetByRole(AriaRole.Button, new() { Name = "Release the stop" }).ClickAsync();
        await asking.GetByRole(AriaRole.Button, new() { Name = "Yes" }).ClickAsync();
        await Assertions.Expect(asking.GetByText("Experiments and drills are ended")).ToBeHiddenAsync(new() { Timeout = 15_000 });
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
