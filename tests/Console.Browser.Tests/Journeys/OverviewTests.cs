using Microsoft.Playwright;

namespace OpsConsole.Browser.Tests.Journeys;

public sealed class OverviewTests(ConsoleUnderTest console)
{
    [Fact]
    public async Task Overview_FourRegions_ShowsEachWithStatusAndItsPage()
    {
        var page = await console.ViewerAsync();
        await page.OpenAsync("/");

        var regions = page.GetByRole(AriaRole.List, new() { Name = "Regions" }).GetByRole(AriaRole.Link);
        await Assertions.Expect(regions).ToHaveCountAsync(4);
        await regions.Filter(new() { HasText = "eu-west-1" }).ClickAsync();

        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "eu-west-1", Exact = true })).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Navigation, new() { Name = "Breadcrumb" })).ToContainTextAsync("Regions");
    }

    [Fact]
    public async Task Overview_Table_SaysTheSameAndStaysAfterReload()
    {
        var page = await console.ViewerAsync();
        await page.OpenAsync("/");
        await page.GetByRole(AriaRole.Link, new() { Name = "Table", Exact = true }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Table, new() { Name = "Regions" }).GetByRole(AriaRole.Row)).ToHaveCountAsync(5);

        await page.OpenAsync(page.Url);

        await Assertions.Expect(page.GetByRole(AriaRole.Table, new() { Name = "Regions" })).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Theme_Toggle_IsKept()
    {
        var page = await console.ViewerAsync();
        await page.OpenAsync("/");
        var toggle = page.GetByRole(AriaRole.Button, new() { NameRegex = new("Colour scheme") });
        await toggle.ClickAsync();
        await toggle.ClickAsync();

        await page.OpenAsync("/services");

        Assert.Equal("dark", await page.EvaluateAsync<string>("document.documentElement.dataset.theme"));
    }
}
