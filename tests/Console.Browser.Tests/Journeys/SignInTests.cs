using Microsoft.Playwright;

namespace OpsConsole.Browser.Tests.Journeys;

public sealed class SignInTests(ConsoleUnderTest console)
{
    [Fact]
    public async Task SignIn_PasswordAndCode_LeadsToThePageAskedFor()
    {
        var page = await console.StrangerAsync();
        await page.GotoAsync("/replication");
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Sign in" })).ToBeVisibleAsync();
        Assert.Empty(await page.SeriousFindingsAsync());

        await console.SignInAsync(page, "manager");

        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Replication", Exact = true })).ToBeVisibleAsync();
        Assert.EndsWith("/replication", new Uri(page.Url).AbsolutePath, StringComparison.Ordinal);
    }
}
