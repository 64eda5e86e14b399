using System.Net;
using System.Net.Http.Json;
using OpsConsole.Core.Approvals;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Tests.Identity;

public sealed class TokenTests(ConsoleApp app)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Token_Revoked_IsRefusedAtOnce()
    {
        using var session = await app.SessionAsync(Roles.Viewer);
        var made = await ConsoleApp.JsonAsync(await session.PostAsJsonAsync("/api/v1/me/tokens", new { name = "x", expiresInDays = 1 }, Cancel));
        using var client = Bearer(made.GetProperty("token").GetString()!);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/status", Cancel)).StatusCode);

        await session.DeleteAsync($"/api/v1/me/tokens/{made.GetProperty("id").GetString()}", Cancel);

        await ConsoleApp.ProblemAsync(await client.GetAsync("/api/v1/status", Cancel), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Token_Expired_IsRefused()
    {
        using var client = await app.TokenAsync(Roles.Viewer);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/status", Cancel)).StatusCode);

        app.Clock.Advance(TimeSpan.FromDays(1));

        await ConsoleApp.ProblemAsync(await client.GetAsync("/api/v1/status", Cancel), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Token_OfADisabledUser_IsRefused()
    {
        using var administrator = await app.AdministratorAsync();
        using var client = await app.TokenAsync(Roles.Viewer);
        var me = await ConsoleApp.JsonAsync(await client.GetAsync("/api/v1/me", Cancel));

        await administrator.PostAsJsonAsync($"/api/v1/users/{me.GetProperty("id").GetString()}/disable", new { reason = "left" }, Cancel);

        await ConsoleApp.ProblemAsync(await client.GetAsync("/api/v1/me", Cancel), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Token_WithReadScope_DoesNoMoreThanRead()
    {
        using var client = await app.TokenAsync(Roles.Administrator, TokenScopes.Read);

        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/status", Cancel)).StatusCode);
        await ConsoleApp.ProblemAsync(await client.GetAsync("/api/v1/users", Cancel), HttpStatusCode.Forbidden);
        await ConsoleApp.ProblemAsync(await client.PostAsJsonAsync("/api/v1/me/tokens", new { name = "wider" }, Cancel), HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task Token_WithOnePolicyAsScope_DoesThatAlone()
    {
        using var client = await app.TokenAsync(Roles.Administrator, Policies.ManageUsers);

        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/users", Cancel)).StatusCode);
        await ConsoleApp.ProblemAsync(await client.GetAsync("/api/v1/status", Cancel), HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("")]
    [InlineData("opsc_")]
    [InlineData("opsc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("eyJhbGciOiJub25lIn0.e30.")]
    public async Task Token_Unknown_IsRefused(string token)
    {
        using var client = app.CreateClient();
        client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {token}");

        await ConsoleApp.ProblemAsync(await client.GetAsync("/api/v1/status", Cancel), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Token_IsStoredAsItsHashOnly()
    {
        using var session = await app.SessionAsync(Roles.Viewer);
        var made = await ConsoleApp.JsonAsync(await session.PostAsJsonAsync("/api/v1/me/tokens", new { name = "x", expiresInDays = 1 }, Cancel));
        var token = made.GetProperty("token").GetString()!;

        await using var command = app.Database.Console.App.CreateCommand("""SELECT count(*) FROM identity.api_token WHERE "Hash" = sha256(convert_to(@token, 'UTF8')) AND api_token::text NOT LIKE '%' || @token || '%'""");
        command.Parameters.AddWithValue("token", token);

        Assert.Equal(1L, await command.ExecuteScalarAsync(Cancel));
    }

    [Fact]
    public async Task Token_WithWrongFields_NamesEachOfThem()
    {
        using var session = await app.SessionAsync(Roles.Viewer);

        var problem = await ConsoleApp.ProblemAsync(await session.PostAsJsonAsync("/api/v1/me/tokens", new { name = "", expiresInDays = 0, scopes = new[] { "everything" } }, Cancel), HttpStatusCode.UnprocessableEntity);

        Assert.Equal(["expiresInDays", "name", "scopes"], problem.GetProperty("errors").EnumerateObject().Select(e => e.Name).Order());
    }

    [Fact]
    public async Task Reads_TwentyASecond_AreNotLimitedButFloodsAre()
    {
        using var calm = await app.TokenAsync(Roles.Viewer);
        for (var i = 0; i < 60; i++)
            Assert.Equal(HttpStatusCode.OK, (await calm.GetAsync("/api/v1/status", Cancel)).StatusCode);
        using var flood = await app.TokenAsync(Roles.Viewer);

        HttpResponseMessage? limited = null;
        for (var i = 0; i < 2000 && limited is null; i++)
            if (await flood.GetAsync("/api/v1/status", Cancel) is { StatusCode: HttpStatusCode.TooManyRequests } answer)
                limited = answer;

        Assert.NotNull(limited);
        Assert.NotNull(limited.Headers.RetryAfter);
        await ConsoleApp.ProblemAsync(limited, HttpStatusCode.TooManyRequests);
    }

    private HttpClient Bearer(string token)
    {
        var client = app.CreateClient();
        client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }
}
