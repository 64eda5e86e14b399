using Microsoft.Playwright;

namespace OpsConsole.Browser.Tests.Journeys;

public sealed class EveryPageTests(ConsoleUnderTest console)
{
    private static readonly TimeSpan InteractiveWithin = TimeSpan.FromSeconds(1.5);

    public static TheoryData<string> Paths =>
        ["/", "/?view=table", "/regions", "/regions/us-east-1", "/services", "/services/us-east-1-orders", "/replication", "/objectives", "/history", "/not-found", "/account", "/failover", "/failover?target=us-west-2", "/operations", "/approvals", "/maintenance", "/chaos", "/chaos/host-disk", "/drills", "/backups", "/restore"];

    [Theory]
    [MemberData(nameof(Paths))]
    public Task Axe_LightDesktopAndDarkPhone_NothingSerious(string path) => NothingSeriousAsync("viewer", path);

    [Theory]
    [InlineData("auditor", "/audit")]
    [InlineData("operator", "/failover?target=us-west-2")]
    [InlineData("operator", "/maintenance")]
    [InlineData("operator", "/drills")]
    [InlineData("administrator", "/users")]
    [InlineData("administrator", "/settings")]
    public Task Axe_PagesOfOtherPeople_NothingSerious(string who, string path) => NothingSeriousAsync(who, path);

    private async Task NothingSeriousAsync(string who, string path)
    {
        foreach (var (device, scheme) in new[] { (Device.Desktop, ColorScheme.Light), (Device.Phone, ColorScheme.Dark) })
        {
            var page = await console.PersonAsync(who, device, scheme);
            await page.OpenAsync(path);
            await page.GetByRole(AriaRole.Heading, new() { Level = 1 }).WaitForAsync();

            Assert.Empty(await page.SeriousFindingsAsync());
            await page.Context.CloseAsync();
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task Phone_Page_FitsAndCanBeTouched(string path)
    {
        var page = await console.ViewerAsync(Device.Phone);
        await page.OpenAsync(path);

        Assert.Equal(0, await page.EvaluateAsync<int>("Math.max(0, document.documentElement.scrollWidth - innerWidth)"));
        var small = await page.EvaluateAsync<string[]>("""
            () => [...document.querySelectorAll('button, select, input:not([type=checkbox]):not([type=hidden]), summary, nav a, .btn')]
              .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < (e.closest('.breadcrumbs') ? 24 : 44))
              .map(e => `${e.tagName} ${e.className} ${e.textContent.trim().slice(0, 30)} ${e.getBoundingClientRect().height}`)
            """);
        Assert.Empty(small);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/services")]
    public async Task Navigation_Page_IsInteractiveInTime(string path)
    {
        var page = await console.ViewerAsync();
        await page.OpenAsync(path); // the browser's cache is warm then, as it is for anybody who has been here before

        // The least of several: the figure is the console's, the rest is whatever else the machine does at that moment.
        var times = new List<TimeSpan>();
        while (times.Count < 6 && !times.Exists(t => t <= InteractiveWithin)) times.Add(await page.TimeToInteractiveAsync(path));

        TestContext.Current.SendDiagnosticMessage($"{path} interactive after {string.Join(", ", times.Select(t => $"{t.TotalMilliseconds:0} ms"))}");
        Assert.InRange(times.Min(), TimeSpan.Zero, InteractiveWithin);
    }
}
