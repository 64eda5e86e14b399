using Microsoft.Playwright;
using OpsConsole.Core.Approvals;

namespace OpsConsole.Web.Tests.Trust;

/// <summary>An operator asks, an approver signs on a phone with a second factor, a manager watches; then a passkey takes the code's place. In Chromium.</summary>
[Collection(TrustCollection.Name)]
public sealed class ThreePeopleTests : IAsyncLifetime
{
    private readonly ConsoleUnderTest _console = new() { ForBrowsers = true };
    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    public async ValueTask InitializeAsync()
    {
        await _console.InitializeAsync();
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = "/usr/bin/chromium", Args = ["--no-sandbox"] });
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
        await _console.DisposeAsync();
    }

    [Fact]
    public async Task Failover_AskedApprovedAndWatched_ByThreePeople()
    {
        var (ann, bob, eve) = (await _console.PersonAsync(Roles.Operator), await _console.PersonAsync(Roles.Approver), await _console.PersonAsync(Roles.Manager));
        var operators = await SignInAsync(ann, phone: false);
        await GoAsync(operators, "/failover?cluster=orders&target=us-west-2&strategy=immediate&planned=true");
        await ShootAsync(operators, "failover-desktop");
        await operators.GetByLabel("Why (approvers").FillAsync("the disks of us-east-1 are failing");
        await operators.GetByRole(AriaRole.Button, new() { Name = "Ask: Fail over us-east-1 to us-west-2" }).ClickAsync();
        await operators.GetByRole(AriaRole.Button, new() { Name = "Yes, ask" }).ClickAsync();
        await operators.WaitForURLAsync("**/approvals/*");
        Assert.Equal(0, await operators.GetByRole(AriaRole.Button, new() { Name = "Approve", Exact = true }).CountAsync());

        var path = new Uri(operators.Url).AbsolutePath;
        var managers = await SignInAsync(eve, phone: false);
        await GoAsync(managers, path);
        await managers.GetByRole(AriaRole.Link, new() { Name = "Follow the operation" }).ClickAsync();
        await Assertions.Expect(managers.GetByText("awaiting approval").First).ToBeVisibleAsync();

        var approvers = await SignInAsync(bob, phone: true);
        await GoAsync(approvers, path);
        foreach (var text in new[] { ann.Email, "the disks of us-east-1 are failing", "nothing that was acknowledged", "Nothing runs: everything stays where it is" })
            await Assertions.Expect(approvers.GetByText(text).First).ToBeVisibleAsync();
        await ShootAsync(approvers, "approval-phone");
        var approve = approvers.GetByRole(AriaRole.Button, new() { Name = "Approve", Exact = true });
        Assert.True((await approve.BoundingBoxAsync())!.Y < 844, "The decision is not on the first screen of a phone.");
        await approvers.GetByLabel("Code from your authenticator app").FillAsync("000000");
        await approve.ClickAsync();
        await Assertions.Expect(approvers.GetByRole(AriaRole.Alert)).ToContainTextAsync("Type the current six digits");
        await approvers.GetByLabel("Code from your authenticator app").FillAsync(bob.Code());
        await approve.ClickAsync();
        await Assertions.Expect(approvers.GetByText($"by {bob.Email}")).ToBeVisibleAsync();

        // Without a reload.
        await Assertions.Expect(managers.GetByText("Can be taken back until")).ToBeVisibleAsync(new() { Timeout = 30_000 });
        await ShootAsync(managers, "operation-desktop");
        await GoAsync(approvers, "/operations");
        await ShootAsync(approvers, "operations-phone");
        await GoAsync(approvers, new Uri(managers.Url).AbsolutePath);
        await ShootAsync(approvers, "operation-phone");
        await GoAsync(approvers, "/approvals?state=all");
        await ShootAsync(approvers, "approvals-phone");
    }

    [Fact]
    public async Task Passkey_OfAnAdministrator_SignsInAndProvesPresence()
    {
        var ada = await _console.PersonAsync(Roles.Administrator);
        await SignInAsync(await _console.PersonAsync(Roles.Viewer), phone: true); // the first people are there
        var page = await SignInAsync(ada, phone: false);
        var authenticator = await page.Context.NewCDPSessionAsync(page);
        await authenticator.SendAsync("WebAuthn.enable");
        await authenticator.SendAsync("WebAuthn.addVirtualAuthenticator", new Dictionary<string, object>
        {
            ["options"] = new { protocol = "ctap2", transport = "internal", hasResidentKey = true, hasUserVerification = true, isUserVerified = true, automaticPresenceSimulation = true },
        });
        await page.GotoAsync("/account");
        var panel = page.GetByRole(AriaRole.Region, new() { Name = "Passkeys" });
        await panel.GetByLabel("Name of the new passkey").FillAsync("Laptop");
        await panel.GetByLabel("Code from your authenticator app").FillAsync(ada.Code());
        await panel.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Assertions.Expect(panel.GetByText("Laptop")).ToBeVisibleAsync();
        await ShootAsync(page, "account-desktop");

        await page.Context.ClearCookiesAsync();
        await page.GotoAsync("/failover");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await page.WaitForURLAsync("**/failover");
        await GoAsync(page, "/failover");
        var automatic = page.GetByRole(AriaRole.Region, new() { Name = "By itself" });
        await automatic.GetByText("Turn it on").ClickAsync();
        await automatic.GetByLabel("Why").FillAsync("rehearsed last week");
        await automatic.GetByRole(AriaRole.Button, new() { Name = "with a passkey" }).ClickAsync();
        await Assertions.Expect(automatic.GetByText("Turned on by")).ToBeVisibleAsync();
        await MakeUserAsync(page, "of-a-passkey@example.org", code: "");
        await Assertions.Expect(page.GetByRole(AriaRole.Status).GetByText("of-a-passkey@example.org")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Users_MadeOnThePage_TakesACode()
    {
        var (ada, bob) = (await _console.PersonAsync(Roles.Administrator), await _console.PersonAsync(Roles.Approver));
        await SignInAsync(bob, phone: true); // the first people are there
        var page = await SignInAsync(ada, phone: false);
        await MakeUserAsync(page, "new@example.org", code: "");
        await Assertions.Expect(page.GetByRole(AriaRole.Alert).Filter(new() { HasText = "This needs a second factor" })).ToBeVisibleAsync();
        await MakeUserAsync(page, "new@example.org", ada.Code());
        await Assertions.Expect(page.GetByRole(AriaRole.Status).GetByText("new@example.org")).ToBeVisibleAsync();
        await ShootAsync(page, "users-desktop");
    }

    private static async Task MakeUserAsync(IPage page, string email, string code)
    {
        await page.GotoAsync("/users");
        var panel = page.GetByRole(AriaRole.Region, new() { Name = "Make a user" });
        await panel.GetByLabel("E-mail").FillAsync(email);
        await panel.GetByLabel("viewer").CheckAsync();
        await panel.GetByLabel("Code from your authenticator app").FillAsync(code);
        await panel.GetByRole(AriaRole.Button, new() { Name = "Make user" }).ClickAsync();
    }

    [Fact]
    public async Task Passkey_OfAnApprover_SignsOnThePhone()
    {
        var (ann, bob) = (await _console.PersonAsync(Roles.Operator), await _console.PersonAsync(Roles.Approver));
        var page = await SignInAsync(bob, phone: true);
        var authenticator = await page.Context.NewCDPSessionAsync(page);
        await authenticator.SendAsync("WebAuthn.enable");
        await authenticator.SendAsync("WebAuthn.addVirtualAuthenticator", new Dictionary<string, object>
        {
            ["options"] = new { protocol = "ctap2", transport = "internal", hasResidentKey = true, hasUserVerification = true, isUserVerified = true, automaticPresenceSimulation = true },
        });
        var panel = page.GetByRole(AriaRole.Region, new() { Name = "Passkeys" });
        await panel.GetByLabel("Name of the new passkey").FillAsync("Phone");
        await panel.GetByLabel("Code from your authenticator app").FillAsync(bob.Code());
        await panel.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Assertions.Expect(panel.GetByText("Phone")).ToBeVisibleAsync();

        var (operation, approval, _) = await Asking.SubmitAsync(ann, "immediate");
        await GoAsync(page, $"/approvals/{approval}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Approve with a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByText($"by {bob.Email}")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByText("with passkey")).ToBeVisibleAsync();
        await Asking.EndsAsync(ann, operation, "succeeded");
    }

    [Fact]
    public async Task Maintenance_BegunAndEndedOnThePage_IsSeenOnEveryPage()
    {
        var (ann, eve) = (await _console.PersonAsync(Roles.Operator), await _console.PersonAsync(Roles.Manager));
        var (operators, managers) = (await SignInAsync(ann, phone: true), await SignInAsync(eve, phone: false));
        await GoAsync(managers, "/objectives");
        await GoAsync(operators, "/maintenance");
        await operators.GetByRole(AriaRole.Combobox, new() { Name = "What", Exact = true }).SelectOptionAsync("AutomationPaused");
        await operators.GetByRole(AriaRole.Combobox, new() { Name = "Of", Exact = true }).SelectOptionAsync("region:us-east-1");
        await operators.GetByLabel("Why").FillAsync("new disks tonight");
        await operators.GetByRole(AriaRole.Button, new() { Name = "Begin" }).ClickAsync();
        await Assertions.Expect(managers.GetByText("Automation paused for region:us-east-1.")).ToBeVisibleAsync();
        await ShootAsync(operators, "maintenance-phone");
        await operators.GetByRole(AriaRole.Table).GetByRole(AriaRole.Button, new() { Name = "End it" }).ClickAsync();
        await Assertions.Expect(managers.GetByText("Automation paused for region:us-east-1.")).Not.ToBeVisibleAsync();
        await Assertions.Expect(operators.GetByText("Nothing is held back")).ToBeVisibleAsync();
        await GoAsync(managers, "/maintenance");
        Assert.Equal(0, await managers.GetByRole(AriaRole.Button, new() { Name = "Begin" }).CountAsync());
    }

    private async Task<IPage> SignInAsync(TestPerson person, bool phone)
    {
        var context = await _browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = _console.Url, IsMobile = phone, HasTouch = phone, ColorScheme = phone ? ColorScheme.Dark : ColorScheme.Light,
            ViewportSize = phone ? new ViewportSize { Width = 390, Height = 844 } : new ViewportSize { Width = 1440, Height = 900 },
        });
        var page = await context.NewPageAsync();
        await page.GotoAsync("/signin?returnUrl=/account");
        await page.GetByLabel("E-mail").FillAsync(person.Email);
        await page.GetByLabel("Password").FillAsync(TestPerson.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await page.GetByLabel("Code").FillAsync(person.Code());
        await page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
        await page.WaitForURLAsync("**/account");
        return page;
    }

    /// <summary>Goes there and waits until the circuit answers.</summary>
    private static async Task GoAsync(IPage page, string path)
    {
        await page.GotoAsync(path, new PageGotoOptions { WaitUntil = WaitUntilState.DOMContentLoaded });
        await page.WaitForFunctionAsync("() => document.documentElement.dataset.interactive === 'true'");
    }

    /// <summary>Keeps what a person sees, beside the test's binaries.</summary>
    private static Task ShootAsync(IPage page, string name) =>
        page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(AppContext.BaseDirectory, "screens", $"{name}.png") });
}
