using Microsoft.Playwright;

namespace OpsConsole.Browser.Tests.Journeys;

/// <summary>Passkeys of a virtual authenticator: registered, used to sign in, and to prove presence.</summary>
public sealed class PasskeyTests(ConsoleUnderTest console)
{
    [Fact]
    public async Task Passkey_OfAnAdministrator_SignsInAndProvesPresence()
    {
        var page = await console.StrangerAsync();
        await AuthenticatorAsync(page);
        await page.GotoAsync("/account");
        await console.SignInAsync(page, "administrator");
        await page.GetByRole(AriaRole.Heading, new() { Name = "Your account" }).WaitForAsync();

        var panel = page.GetByRole(AriaRole.Region, new() { Name = "Passkeys" });
        await panel.GetByLabel("Name of the new passkey").FillAsync("Laptop");
        await panel.GetByLabel("Code from your authenticator app").FillAsync(await console.CodeAsync("administrator"));
        await panel.GetByRole(AriaRole.Button, new() { Name = "Add a passkey" }).ClickAsync();
        await Assertions.Expect(panel.GetByText("Laptop")).ToBeVisibleAsync();

        await page.ShootAsync("account-passkey");
        await page.Context.ClearCookiesAsync();
        await page.GotoAsync("/failover");
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = "Failover", Exact = true }).WaitForAsync();

        await page.OpenAsync("/failover");
        var automatic = page.GetByRole(AriaRole.Region, new() { Name = "By itself" });
        await automatic.GetByText("Turn it on").ClickAsync();
        await automatic.GetByLabel("Why").FillAsync("rehearsed last week");
        await automatic.GetByRole(AriaRole.Button, new() { Name = "with a passkey" }).ClickAsync();
        await Assertions.Expect(automatic.GetByText("Turned on by")).ToBeVisibleAsync();
        await page.ShootAsync("failover-desktop");
        foreach (var path in (string[])["failover?target=us-west-2", "operations", "approvals"])
        {
            await page.SetViewportSizeAsync(390, 844);
            await page.OpenAsync("/" + path);
            await page.ShootAsync($"{path.Split('?')[0]}-phone");
        }
        await page.SetViewportSizeAsync(1440, 900);
        await page.OpenAsync("/failover");
        await automatic.GetByText("Turn it off").ClickAsync();
        await automatic.GetByLabel("Why").FillAsync("the rehearsal is over");
        await automatic.GetByRole(AriaRole.Button, new() { Name = "with a passkey" }).ClickAsync();
        await Assertions.Expect(automatic.GetByText("People decide every failover")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task Passkey_Unknown_DoesNotSignIn()
    {
        var page = await console.StrangerAsync();
        var authenticator = await AuthenticatorAsync(page);
        await page.GotoAsync("/signin");
        // A credential that no account has registered.
        await authenticator.Session.SendAsync("WebAuthn.addCredential", new Dictionary<string, object>
        {
            ["authenticatorId"] = authenticator.Id,
            ["credential"] = new
            {
                credentialId = Convert.ToBase64String(Guid.NewGuid().ToByteArray()), isResidentCredential = true, rpId = "localhost", userHandle = Convert.ToBase64String("nobody"u8), signCount = 1,
                privateKey = Convert.ToBase64String(System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256).ExportPkcs8PrivateKey()),
            },
        });
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in with a passkey" }).ClickAsync();
        await Assertions.Expect(page.GetByText("The passkey was not accepted")).ToBeVisibleAsync();
    }

    private static async Task<(ICDPSession Session, string Id)> AuthenticatorAsync(IPage page)
    {
        var session = await page.Context.NewCDPSessionAsync(page);
        await session.SendAsync("WebAuthn.enable");
        var made = await session.SendAsync("WebAuthn.addVirtualAuthenticator", new Dictionary<string, object>
        {
            ["options"] = new { protocol = "ctap2", transport = "internal", hasResidentKey = true, hasUserVerification = true, isUserVerified = true, automaticPresenceSimulation = true },
        });
        return (session, made!.Value.GetProperty("authenticatorId").GetString()!);
    }
}
