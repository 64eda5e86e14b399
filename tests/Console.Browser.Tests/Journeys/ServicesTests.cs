using Microsoft.Playwright;

namespace OpsConsole.Browser.Tests.Journeys;

public sealed class ServicesTests(ConsoleUnderTest console)
{
    [Fact]
    public async Task Filters_InTheAddress_SurviveAReload()
    {
        var page = await console.ViewerAsync();
        await page.OpenAsync("/services");
        await page.GetByLabel("Region").SelectOptionAsync("eu-west-1");
        await page.GetByLabel("Kind").SelectOptionAsync("api");
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "eu-west-1-orders" })).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "us-east-1-db" })).ToHaveCountAsync(0);

        await page.OpenAsync(page.Url);

        await Assertions.Expect(page.GetByLabel("Region")).ToHaveValueAsync("eu-west-1");
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "eu-west-1-orders" })).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "us-east-1-db" })).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Phone_BottomBarAndMenu_LeadEverywhere()
    {
        var page = await console.ViewerAsync(Device.Phone);
        await page.OpenAsync("/");
        var bar = page.GetByRole(AriaRole.Navigation, new() { Name = "Main, short" });

        await bar.GetByRole(AriaRole.Link, new() { Name = "Services" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Services", Exact = true })).ToBeVisibleAsync();

        await bar.GetByText("More").ClickAsync();
        await bar.GetByRole(AriaRole.Link, new() { Name = "History" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "History", Exact = true })).ToBeVisibleAsync();
        await Assertions.Expect(bar.GetByRole(AriaRole.Link, new() { Name = "History" })).ToBeHiddenAsync();
    }
}
