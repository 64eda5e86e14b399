using System.Text.Json;
using Microsoft.Playwright;
using OpsConsole.Sandbox;
using OpsConsole.Sandbox.Layout;
using OtpNet;

[assembly: AssemblyFixture(typeof(OpsConsole.Browser.Tests.ConsoleUnderTest))]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace OpsConsole.Browser.Tests;

/// <summary>A sandbox with one console, a Chromium, and people whose cookies the journeys share (each code counts once).
/// <c>OPSCONSOLE_TEST_LATENCY=on</c> gives the links their usual latency, for a measurement.</summary>
public sealed class ConsoleUnderTest : IAsyncLifetime
{
    private const int PortBase = 25200;
    /// <summary>No journey is about a lost primary: this machine's own stalls, while a journey has automatic failover on, shall not be taken for one.</summary>
    private static readonly Dictionary<string, string> Patient = new() { ["Failover:Detection:Failures"] = "100" };

    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"opsconsole-browser-{Environment.ProcessId}");
    private EmbeddedFleet? _fleet;
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private readonly Dictionary<string, string> _signedIn = [];
    private readonly Dictionary<string, long> _codes = [];

    public EmbeddedFleet Fleet => _fleet ?? throw new InvalidOperationException("The sandbox has not started.");

    public string Url => Fleet.Consoles.Url(0);

    public async ValueTask InitializeAsync()
    {
        var options = new SandboxOptions { Directory = _directory, PortBase = PortBase, Latency = Environment.GetEnvironmentVariable("OPSCONSOLE_TEST_LATENCY") == "on", CustomersPerSecond = 10, ConsoleSettings = Patient };
        _fleet = await EmbeddedFleet.StartAsync(options, line => TestContext.Current.SendDiagnosticMessage(line), TimeProvider.System, CancellationToken.None);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Chromium(), Args = ["--no-sandbox"] });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        if (_fleet is not null) await _fleet.DisposeAsync();
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
    }

    /// <summary>A page without cookies.</summary>
    public async Task<IPage> StrangerAsync() => await (await NewContextAsync(null, Device.Desktop, ColorScheme.Light)).NewPageAsync();

    /// <summary>A page of the signed-in viewer.</summary>
    public Task<IPage> ViewerAsync(Device device = Device.Desktop, ColorScheme scheme = ColorScheme.Light) => PersonAsync("viewer", device, scheme);

    /// <summary>A page of somebody who has signed in, once for all journeys.</summary>
    /// <param name="who">a role, or the beginning of an e-mail address</param>
    public async Task<IPage> PersonAsync(string who, Device device = Device.Desktop, ColorScheme scheme = ColorScheme.Light)
    {
        if (!_signedIn.TryGetValue(who, out var state)) _signedIn[who] = state = await SignInAsync(who);
        return await (await NewContextAsync(state, device, scheme)).NewPageAsync();
    }

    /// <summary>Types password and code as a person would.</summary>
    public async Task SignInAsync(IPage page, string role)
    {
        var credentials = Credentials(role);
        await page.GetByLabel("E-mail").FillAsync(credentials.Email);
        await page.GetByLabel("Password").FillAsync(credentials.Password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
        await page.GetByLabel("Code").FillAsync(await CodeAsync(role));
        await page.GetByRole(AriaRole.Button, new() { Name = "Continue" }).ClickAsync();
    }

    /// <summary>A code of the person's app that was not used yet: each counts once. The console takes the present one and the next; past that it is waited for.</summary>
    public async Task<string> CodeAsync(string role)
    {
        var credentials = Credentials(role);
        var step = Math.Max(Step(), _codes.GetValueOrDefault(credentials.Email) + 1);
        while (step > Step() + 1) await Task.Delay(500);
        _codes[credentials.Email] = step;
        return new Totp(Base32Encoding.ToBytes(credentials.TotpSecret)).ComputeTotp(DateTimeOffset.FromUnixTimeSeconds(step * 30).UtcDateTime);

        static long Step() => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 30;
    }

    private async Task<string> SignInAsync(string who)
    {
        var page = await StrangerAsync();
        await page.GotoAsync(Url);
        await SignInAsync(page, who);
        await page.GetByRole(AriaRole.Heading, new() { Name = "Overview" }).WaitForAsync();
        return await page.Context.StorageStateAsync();
    }

    private Task<IBrowserContext> NewContextAsync(string? state, Device device, ColorScheme scheme) => _browser!.NewContextAsync(new BrowserNewContextOptions
    {
        StorageState = state,
        ColorScheme = scheme,
        BaseURL = Url,
        ViewportSize = device == Device.Phone ? new ViewportSize { Width = 390, Height = 844 } : new ViewportSize { Width = 1440, Height = 900 },
        HasTouch = device == Device.Phone,
        IsMobile = device == Device.Phone,
    });

    private Credential Credentials(string role)
    {
        var all = JsonSerializer.Deserialize<List<Credential>>(File.ReadAllText(Path.Combine(_directory, "credentials.json")), JsonSerializerOptions.Web) ?? [];
        return all.First(c => c.Roles.Contains(role) || c.Email.StartsWith($"{role}@", StringComparison.Ordinal));
    }

    private static string Chromium() =>
        new[] { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists)
        ?? throw new InvalidOperationException("No Chromium: install the Debian package chromium (test.sh does).");

    private sealed record Credential(string Email, string Password, string TotpSecret, IReadOnlyList<string> Roles);
}

public enum Device { Desktop, Phone }
