using System.Net;
using System.Net.Http.Json;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
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

        // The tests share one clock; the token's own end is brought forward instead.
        var hash = Secrets.Hash(client.DefaultRequestHeaders.Authorization!.Parameter!);
        await app.Database.ExecuteAsSuperuserAsync($"UPDATE identity.api_token SET \"ExpiresAt\" = \"CreatedAt\" WHERE \"Hash\" = '\\x{Convert.ToHexString(hash)}'");

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
        using var client = await app.TokenAsync(Roles.Viewer);
        for (var i = 0; i < 20; i++)
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/api/v1/status", Cancel)).StatusCode);
        await using var command = app.Database.Console.App.CreateCommand("""SELECT "Id"::text FROM identity.api_token WHERE "Hash" = @hash""");
        command.Parameters.AddWithValue("hash", Secrets.Hash(client.DefaultRequestHeaders.Authorization!.Parameter!));
        var id = (string)(await command.ExecuteScalarAsync(Cancel))!;
        var limiter = app.Services.GetRequiredService<IOptions<RateLimiterOptions>>().Value.GlobalLimiter!;

        HttpResponseMessage limited;
        do
        {
            while (limiter.AttemptAcquire(Request(id)).IsAcquired)
            {
            }
            limited = await client.GetAsync("/api/v1/status", Cancel);
        }
        while (limited.StatusCode == HttpStatusCode.OK); // the bucket was filled again in between

        Assert.NotNull(limited.Headers.RetryAfter);
        await ConsoleApp.ProblemAsync(limited, HttpStatusCode.TooManyRequests);
    }

    private static DefaultHttpContext Request(string token) => new()
    {
        Request = { Path = "/api/v1/status" },
        User = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, Guid.Empty.ToString()), new Claim(Caller.TokenId, token)], "token")),
    };

    private HttpClient Bearer(string token)
    {
        var client = app.CreateClient();
        client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }
}
