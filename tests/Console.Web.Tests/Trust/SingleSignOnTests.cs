using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc.Testing;
using OpsConsole.Core.Approvals;
using OpsConsole.Testing;

namespace OpsConsole.Web.Tests.Trust;

/// <summary>Code and PKCE with a real provider.</summary>
[Collection(TrustCollection.Name)]
public sealed class SingleSignOnTests : IAsyncLifetime
{
    private readonly ConsoleUnderTest _console = new();
    private readonly HttpClient _away = new(new HttpClientHandler { AllowAutoRedirect = false });
    private NodeProgram _provider = null!;

    public async ValueTask InitializeAsync()
    {
        _provider = await NodeProgram.StartAsync("oidc.mjs");
        var issuer = (string)(await _provider.ReadAsync())["issuer"]!;
        foreach (var (key, value) in new Dictionary<string, string> { ["Enabled"] = "true", ["Authority"] = issuer, ["ClientId"] = "opsconsole", ["RoleClaim"] = "groups", ["Roles:sre"] = "operator", ["Roles:lead"] = "approver" })
            _console.Settings[$"Access:Oidc:{key}"] = value;
        await _console.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _away.Dispose();
        await _console.DisposeAsync();
        await _provider.DisposeAsync();
    }

    private Task SayAsync(string subject, string email, params string[] groups) => _provider.TellAsync(JsonSerializer.Serialize(new { sub = subject, email, email_verified = true, name = "Ann", groups }));

    private HttpClient Browser()
    {
        var browser = _console.CreateClient(new WebApplicationFactoryClientOptions { AllowAutoRedirect = false });
        browser.DefaultRequestHeaders.Add("X-OpsConsole", "1");
        return browser;
    }

    /// <summary>Follows the redirects of a browser from the first address to the last page.</summary>
    private async Task<string> GoAsync(HttpClient browser, string url)
    {
        for (var hop = 0; hop < 8; hop++)
        {
            var isOwn = url.StartsWith('/') || new Uri(url).IsDefaultPort;
            using var answer = await (isOwn ? browser : _away).GetAsync(url);
            if (answer.StatusCode is not (HttpStatusCode.Redirect or HttpStatusCode.Found or HttpStatusCode.SeeOther)) return url;
            url = answer.Headers.Location!.ToString();
            if (url.StartsWith("/signin?problem", StringComparison.Ordinal) || url.StartsWith("/account?problem", StringComparison.Ordinal)) return url;
            if (!isOwn || !url.StartsWith('/')) continue;
            if (!url.StartsWith("/signin/oidc", StringComparison.Ordinal)) return url;
        }
        throw new InvalidOperationException("Too many redirects.");
    }

    private static async Task<Reply> MeAsync(HttpClient browser) => await Reply.ReadAsync(await browser.GetAsync("/api/v1/me"));

    [Fact]
    public async Task SignIn_NewPerson_GetsAnAccountWithMappedRolesThatFollowTheClaim()
    {
        await SayAsync("ann-1", "ann@corp.example", "sre", "staff");
        using var browser = Browser();
        Assert.Equal("/replication", await GoAsync(browser, "/signin/oidc?returnUrl=/replication"));
        var me = (await MeAsync(browser)).Is(200);
        Assert.Equal("ann@corp.example", me["email"]);
        Assert.Equal(["operator"], me.Body["roles"]!.AsArray().Select(r => (string)r!));

        await SayAsync("ann-1", "ann@corp.example", "lead");
        using var later = Browser();
        Assert.Equal("/", await GoAsync(later, "/signin/oidc"));
        Assert.Equal(["approver"], (await MeAsync(later)).Body["roles"]!.AsArray().Select(r => (string)r!));

        await SayAsync("ann-1", "ann@corp.example");
        using var gone = Browser();
        Assert.Equal("/signin?problem=noRole", await GoAsync(gone, "/signin/oidc"));
        (await MeAsync(gone)).Is(401);
    }

    [Fact]
    public async Task SignIn_MailAddressOfALocalAccount_DoesNotTakeItOver()
    {
        var person = await _console.PersonAsync(Roles.Administrator);
        await SayAsync("mallory", person.Email, "sre");
        using var browser = Browser();
        Assert.Equal("/signin?problem=linkFirst", await GoAsync(browser, "/signin/oidc"));
        (await MeAsync(browser)).Is(401);
    }

    [Fact]
    public async Task SignIn_ForgedCallback_IsRefused()
    {
        using var browser = Browser();
        Assert.Equal("/signin?problem=provider", await GoAsync(browser, "/signin/oidc/callback?code=stolen&state=guessed"));
    }

    [Fact]
    public async Task Link_OwnAccount_SignsInAsItAndMakesOneHumanOfTwoAccounts()
    {
        var person = await _console.PersonAsync(Roles.Operator);
        using var browser = Browser();
        (await Reply.ReadAsync(await browser.PostAsync("/api/v1/session", Json(new { email = person.Email, password = TestPerson.Password, totp = person.Code() })))).Is(200);
        Assert.Equal("true", (await Reply.ReadAsync(await browser.PostAsync("/api/v1/me/links", Json(new { })))).Is(403)["stepUpRequired"]);
        using var begin = new HttpRequestMessage(HttpMethod.Post, "/api/v1/me/links") { Content = Json(new { }) };
        begin.Headers.Add("X-Totp", person.Code());
        var url = (await Reply.ReadAsync(await browser.SendAsync(begin))).Is(200)["url"]!;

        // Somebody else's browser is led to the link that was made for this person.
        await SayAsync("sub-7", "ann.private@example.net", "sre");
        using var other = Browser();
        Assert.Equal("/account?problem=link", await GoAsync(other, url));

        Assert.Equal("/account", await GoAsync(browser, url));
        using var fresh = Browser();
        Assert.Equal("/", await GoAsync(fresh, "/signin/oidc"));
        Assert.Equal(person.Email, (await MeAsync(fresh)).Is(200)["email"]);
    }

    private static StringContent Json(object body) => new(JsonSerializer.Serialize(body), System.Text.Encoding.UTF8, "application/json");
}
