using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Tests.Identity;

public sealed class SignInTests(ConsoleApp app)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SignIn_RightPassword_SetsTheSessionCookie()
    {
        var user = await app.UserAsync(Roles.Viewer);
        using var client = app.Nobody();

        var response = await ConsoleApp.SignInAsync(client, user.Email, ConsoleApp.Password);

        var cookie = Assert.Single(response.Headers.GetValues("Set-Cookie"), c => c.StartsWith("opsconsole=", StringComparison.Ordinal));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=lax", cookie, StringComparison.OrdinalIgnoreCase);
        var session = await ConsoleApp.JsonAsync(response);
        Assert.Equal(user.Email, session.GetProperty("email").GetString());
        Assert.Equal("viewer", session.GetProperty("roles")[0].GetString());
        Assert.False(session.GetProperty("mustChangePassword").GetBoolean());
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/me", Cancel)).StatusCode);
    }

    [Fact]
    public async Task SignIn_OverHttps_MarksTheCookieSecure()
    {
        var user = await app.UserAsync(Roles.Viewer);
        using var client = app.Nobody("https");

        var response = await ConsoleApp.SignInAsync(client, user.Email, ConsoleApp.Password);

        Assert.Contains(response.Headers.GetValues("Set-Cookie"), c => c.StartsWith("opsconsole=", StringComparison.Ordinal) && c.Contains("secure", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task SignIn_WrongPasswordOrUnknownUserOrLocked_AnswersAlike()
    {
        var user = await app.UserAsync(Roles.Viewer);
        var locked = await app.UserAsync(Roles.Viewer);
        using var client = app.Nobody();
        for (var i = 0; i < 5; i++)
            await ConsoleApp.SignInAsync(client, locked.Email, "wrong");

        var answers = new[]
        {
            await ConsoleApp.ProblemAsync(await ConsoleApp.SignInAsync(client, user.Email, "wrong"), HttpStatusCode.Unauthorized),
            await ConsoleApp.ProblemAsync(await ConsoleApp.SignInAsync(client, "nobody@example.org", "wrong"), HttpStatusCode.Unauthorized),
            await ConsoleApp.ProblemAsync(await ConsoleApp.SignInAsync(client, locked.Email, ConsoleApp.Password), HttpStatusCode.Unauthorized),
        };

        Assert.Single(answers.Select(a => a.GetProperty("detail").GetString()).Distinct());
    }

    [Fact]
    public async Task SignIn_AfterFiveFailures_IsLockedUntilAnAdministratorUnlocks()
    {
        var user = await app.UserAsync(Roles.Viewer);
        using var client = app.Nobody();
        using var administrator = await app.AdministratorAsync();
        for (var i = 0; i < 5; i++)
            await ConsoleApp.SignInAsync(client, user.Email, "wrong");

        Assert.Equal(HttpStatusCode.Unauthorized, (await ConsoleApp.SignInAsync(client, user.Email, ConsoleApp.Password)).StatusCode);
        var seen = await ConsoleApp.JsonAsync(await administrator.GetAsync($"/api/v1/users/{user.Id}", Cancel));
        Assert.NotEqual(System.Text.Json.JsonValueKind.Null, seen.GetProperty("lockedUntil").ValueKind);
        await administrator.PostAsJsonAsync($"/api/v1/users/{user.Id}/unlock", new { reason = "asked on the phone" }, Cancel);

        Assert.Equal(HttpStatusCode.OK, (await ConsoleApp.SignInAsync(client, user.Email, ConsoleApp.Password)).StatusCode);
    }

    [Fact]
    public async Task SignIn_ParallelGuesses_CannotSlipPastTheLockout()
    {
        var user = await app.UserAsync(Roles.Viewer);
        using var client = app.Nobody();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ConsoleApp.SignInAsync(client, user.Email, "wrong")));

        Assert.Equal(HttpStatusCode.Unauthorized, (await ConsoleApp.SignInAsync(client, user.Email, ConsoleApp.Password)).StatusCode);
        Assert.Equal(1, await CountAsync("session.lockedOut", user));
    }

    [Fact]
    public async Task SignIn_WithOneTimePassword_AllowsNothingButChangingIt()
    {
        using var administrator = await app.AdministratorAsync();
        var totp = await app.EnrolAsync(administrator);
        var email = $"n{Guid.NewGuid():N}@example.org";
        var made = await ConsoleApp.JsonAsync(await ConsoleApp.ProveAsync(administrator, HttpMethod.Post, "/api/v1/users", new { email, displayName = "New", roles = new[] { "operator" } }, app.Code(totp)));
        var oneTime = made.GetProperty("oneTimePassword").GetString()!;
        using var client = app.Nobody();

        var session = await ConsoleApp.JsonAsync(await ConsoleApp.SignInAsync(client, email, oneTime));

        Assert.True(session.GetProperty("mustChangePassword").GetBoolean());
        var refused = await ConsoleApp.ProblemAsync(await client.GetAsync("/api/v1/status", Cancel), HttpStatusCode.Forbidden);
        Assert.True(refused.GetProperty("mustChangePassword").GetBoolean());
        await ConsoleApp.ProblemAsync(await client.PutAsJsonAsync("/api/v1/me/password", new { currentPassword = oneTime, newPassword = "short" }, Cancel), HttpStatusCode.UnprocessableEntity);
        Assert.Equal(HttpStatusCode.NoContent, (await client.PutAsJsonAsync("/api/v1/me/password", new { currentPassword = oneTime, newPassword = "long enough for this" }, Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/status", Cancel)).StatusCode);
    }

    [Fact]
    public async Task SignIn_WithSecondFactor_NeedsACodeAndEachCodeCountsOnce()
    {
        var user = await app.UserAsync(Roles.Operator);
        using var client = app.Nobody();
        await ConsoleApp.SignInAsync(client, user.Email, ConsoleApp.Password);
        var totp = await app.EnrolAsync(client);
        using var other = app.Nobody();

        var without = await ConsoleApp.ProblemAsync(await ConsoleApp.SignInAsync(other, user.Email, ConsoleApp.Password), HttpStatusCode.Unauthorized);
        Assert.True(without.GetProperty("totpRequired").GetBoolean());
        var code = totp.ComputeTotp(app.Clock.GetUtcNow().UtcDateTime);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ConsoleApp.SignInAsync(other, user.Email, ConsoleApp.Password, "000000" == code ? "000001" : "000000")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await ConsoleApp.SignInAsync(other, user.Email, ConsoleApp.Password, code)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ConsoleApp.SignInAsync(other, user.Email, ConsoleApp.Password, code)).StatusCode);
    }

    [Fact]
    public async Task SignIn_TwoAtOnceWithOneCode_OneWins()
    {
        var user = await app.UserAsync(Roles.Operator);
        using var client = app.Nobody();
        await ConsoleApp.SignInAsync(client, user.Email, ConsoleApp.Password);
        var totp = await app.EnrolAsync(client);
        var code = totp.ComputeTotp(app.Clock.GetUtcNow().UtcDateTime);

        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            using var one = app.Nobody();
            return (await ConsoleApp.SignInAsync(one, user.Email, ConsoleApp.Password, code)).StatusCode;
        }));

        Assert.Single(answers, HttpStatusCode.OK);
    }

    [Fact]
    public async Task Totp_ReplacedWithoutTheOldCode_IsRefused()
    {
        using var client = await app.SessionAsync(Roles.Operator);
        await app.EnrolAsync(client);

        var refused = await ConsoleApp.ProblemAsync(await client.PostAsync("/api/v1/me/totp", null, Cancel), HttpStatusCode.Forbidden);

        Assert.True(refused.GetProperty("stepUpRequired").GetBoolean());
    }

    [Fact]
    public async Task Totp_EnrolledBesideAPasskeyWithoutProof_IsRefused()
    {
        var user = await app.UserAsync(Roles.Operator);
        using var client = app.Nobody();
        await ConsoleApp.SignInAsync(client, user.Email, ConsoleApp.Password);
        await using (var scope = app.Services.CreateAsyncScope())
        {
            var users = scope.ServiceProvider.GetRequiredService<UserManager<ConsoleUser>>();
            var passkey = new UserPasskeyInfo(Guid.NewGuid().ToByteArray(), [1], app.Clock.GetUtcNow(), 0, null, true, false, false, [2], [3]);
            Assert.True((await users.AddOrUpdatePasskeyAsync((await users.FindByEmailAsync(user.Email))!, passkey)).Succeeded);
        }

        var refused = await ConsoleApp.ProblemAsync(await client.PostAsync("/api/v1/me/totp", null, Cancel), HttpStatusCode.Forbidden);

        Assert.True(refused.GetProperty("stepUpRequired").GetBoolean());
    }

    [Fact]
    public async Task StepUp_ParallelGuesses_CannotSlipPastTheLockout()
    {
        var user = await app.UserAsync(Roles.Operator);
        using var client = app.Nobody();
        await ConsoleApp.SignInAsync(client, user.Email, ConsoleApp.Password);
        var totp = await app.EnrolAsync(client);

        await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => ConsoleApp.ProveAsync(client, HttpMethod.Post, "/api/v1/me/totp", null, "000000")));
        var right = await ConsoleApp.ProveAsync(client, HttpMethod.Post, "/api/v1/me/totp", null, app.Code(totp));

        await ConsoleApp.ProblemAsync(right, HttpStatusCode.Forbidden);
        Assert.Equal(1, await CountAsync("session.lockedOut", user));
        var reader = app.Services.GetRequiredService<IAuditReader>();
        Assert.Equal(5, await reader.CountAsync(new AuditQuery(Action: "account.stepUpRefused", Actor: user.Email), Cancel));
    }

    [Fact]
    public async Task PasswordChange_EndsTheOtherSessionsWithinAMinute()
    {
        var user = await app.UserAsync(Roles.Viewer);
        using var first = app.Nobody();
        using var second = app.Nobody();
        await ConsoleApp.SignInAsync(first, user.Email, ConsoleApp.Password);
        await ConsoleApp.SignInAsync(second, user.Email, ConsoleApp.Password);

        await first.PutAsJsonAsync("/api/v1/me/password", new { currentPassword = ConsoleApp.Password, newPassword = "another four words here" }, Cancel);
        app.Clock.Advance(TimeSpan.FromSeconds(61));

        Assert.Equal(HttpStatusCode.OK, (await first.GetAsync("/api/v1/me", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await second.GetAsync("/api/v1/me", Cancel)).StatusCode);
    }

    [Fact]
    public async Task Session_FromAnotherSite_IsRefused()
    {
        using var client = await app.SessionAsync(Roles.Administrator);
        client.DefaultRequestHeaders.Remove("X-OpsConsole");
        client.DefaultRequestHeaders.Add("Origin", "https://evil.example");

        await ConsoleApp.ProblemAsync(await client.PostAsJsonAsync("/api/v1/me/tokens", new { name = "x" }, Cancel), HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Session_FromTheConsolesOwnPages_IsAccepted()
    {
        using var client = await app.SessionAsync(Roles.Administrator);
        client.DefaultRequestHeaders.Remove("X-OpsConsole");
        client.DefaultRequestHeaders.Add("Origin", "http://localhost");

        Assert.Equal(HttpStatusCode.Created, (await client.PostAsJsonAsync("/api/v1/me/tokens", new { name = "x" }, Cancel)).StatusCode);
    }

    [Fact]
    public async Task FirstStart_Again_MakesNoSecondAdministrator()
    {
        await using var scope = app.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<FirstStart>().RunAsync(Cancel);

        var users = await scope.ServiceProvider.GetRequiredService<UserDirectory>().ListAsync(Cancel);

        Assert.Single(users, u => u.Email == "first@example.org");
    }

    private async Task<int> CountAsync(string action, UserView user)
    {
        var reader = app.Services.GetRequiredService<IAuditReader>();
        return await reader.CountAsync(new AuditQuery(Action: action, Target: $"user:{user.Id}"), Cancel);
    }
}
