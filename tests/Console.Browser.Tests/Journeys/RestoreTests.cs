using Microsoft.Playwright;
using Npgsql;

namespace OpsConsole.Browser.Tests.Journeys;

/// <summary>An operator takes a backup, looks at it, and restores it beside the living database; the pages hold on a phone with all of that in them.</summary>
public sealed class RestoreTests(ConsoleUnderTest console)
{
    [Fact]
    public async Task Backup_TakenLookedAtAndRestoredIntoANewInstance()
    {
        var page = await console.PersonAsync("operator");
        await page.OpenAsync("/backups");
        await page.GetByRole(AriaRole.Button, new() { Name = "Full backup" }).ClickAsync();
        await page.WaitForURLAsync("**/operations/*");
        await page.GetByRole(AriaRole.Link, new() { Name = "what was taken, and its copies" }).ClickAsync(new() { Timeout = 90_000 });
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "full backup of orders" })).ToBeVisibleAsync();
        var backup = new Uri(page.Url).AbsolutePath;
        await page.GetByRole(AriaRole.Link, new() { Name = "Restore it" }).ClickAsync();
        await page.GetByLabel("Why (approvers").FillAsync("a customer asks for a lost order");
        await page.ShootAsync("restore-desktop");
        await page.GetByRole(AriaRole.Button, new() { Name = "Restore orders into a new instance" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Yes" }).ClickAsync();
        await page.WaitForURLAsync("**/operations/*");
        var connection = page.Locator("dt:text-is('Connection') + dd");
        await Assertions.Expect(connection).ToBeVisibleAsync(new() { Timeout = 90_000 });

        var at = new Uri(await connection.InnerTextAsync());
        var user = at.UserInfo.Split(':');
        await using var restored = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = at.Host, Port = at.Port, Username = user[0], Password = Uri.UnescapeDataString(user[1]), Database = at.AbsolutePath.Trim('/'), Pooling = false,
        }.ConnectionString);
        await restored.OpenAsync(TestContext.Current.CancellationToken);
        await using var ask = new NpgsqlCommand("SELECT NOT pg_is_in_recovery()", restored);
        Assert.Equal(true, await ask.ExecuteScalarAsync(TestContext.Current.CancellationToken));

        await HoldsOnAPhoneAsync(["/backups", backup, "/restore?destination=inPlace", "/operations", new Uri(page.Url).AbsolutePath]);
        await page.GetByRole(AriaRole.Button, new() { Name = "Take it back" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Yes" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Link, new() { Name = "the earlier operation" })).ToBeVisibleAsync(new() { Timeout = 30_000 });
        await Assertions.Expect(page.Locator(".page-header").GetByText("succeeded")).ToBeVisibleAsync(new() { Timeout = 60_000 });
    }

    private async Task HoldsOnAPhoneAsync(IEnumerable<string> paths)
    {
        var phone = await console.PersonAsync("operator", Device.Phone, ColorScheme.Dark);
        foreach (var path in paths)
        {
            await phone.OpenAsync(path);
            await phone.GetByRole(AriaRole.Heading, new() { Level = 1 }).WaitForAsync();
            await phone.ShootAsync($"{path.Trim('/').Split('?')[0].Split('/')[0]}{(path.Count(c => c == '/') > 1 ? "-one" : "")}-filled-phone");
            Assert.Equal(0, await phone.EvaluateAsync<int>("Math.max(0, document.documentElement.scrollWidth - innerWidth)"));
            Assert.Empty(await phone.SeriousFindingsAsync());
        }
    }
}
