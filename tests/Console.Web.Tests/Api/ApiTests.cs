using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OpsConsole.Core.Approvals;

namespace OpsConsole.Web.Tests.Api;

public sealed class ApiTests(ConsoleApp app)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Status_BeforeAnythingWasSeen_IsUnknownAndNeverHealthy()
    {
        using var client = await app.TokenAsync(Roles.Viewer);

        var status = await ConsoleApp.JsonAsync(await client.GetAsync("/api/v1/status", Cancel));

        Assert.Equal("unknown", status.GetProperty("overall").GetString());
        Assert.EndsWith("Z", status.GetProperty("generatedAt").GetString(), StringComparison.Ordinal);
        Assert.All(status.GetProperty("regions").EnumerateArray(), r => Assert.Equal("unknown", r.GetProperty("status").GetString()));
        Assert.Equal(["us-east-1", "us-west-2", "eu-west-1"], status.GetProperty("regions").EnumerateArray().Select(r => r.GetProperty("id").GetString()!));
    }

    [Fact]
    public async Task Services_WithWrongFilters_NamesEachOfThem()
    {
        using var client = await app.TokenAsync(Roles.Viewer);

        var problem = await ConsoleApp.ProblemAsync(await client.GetAsync("/api/v1/services?kind=toaster&status=1&limit=0", Cancel), HttpStatusCode.BadRequest);

        Assert.Equal(["kind", "limit", "status"], problem.GetProperty("errors").EnumerateObject().Select(e => e.Name).Order());
    }

    [Theory]
    [InlineData("/api/v1/history")]
    [InlineData("/api/v1/history?metric=speed&key=a")]
    [InlineData("/api/v1/history?metric=rpo&key=a&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z")]
    [InlineData("/api/v1/history?metric=rpo&key=a&from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z")]
    [InlineData("/api/v1/history?metric=gauge&key=a")]
    [InlineData("/api/v1/history?metric=rpo&key=a&maxPoints=1")]
    [InlineData("/api/v1/changes?since=yesterday")]
    [InlineData("/api/v1/operations?kind=lunch")]
    [InlineData("/api/v1/services?region=atlantis")]
    [InlineData("/api/v1/backups?cluster=nowhere")]
    [InlineData("/api/v1/failovers/readiness?source=atlantis")]
    [InlineData("/api/v1/audit?order=sideways")]
    [InlineData("/api/v1/audit?cursor=x")]
    public async Task Reads_WithBadInput_SayHowToMendIt(string path)
    {
        using var client = await app.TokenAsync(Roles.Auditor);

        await ConsoleApp.ProblemAsync(await client.GetAsync(path, Cancel), HttpStatusCode.BadRequest);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"email": 7}""")]
    public async Task Users_WithABodyThatIsNoRequest_AnswersAProblem(string body)
    {
        using var client = await app.AdministratorAsync();

        var answer = await client.PostAsync("/api/v1/users", new StringContent(body, Encoding.UTF8, "application/json"), Cancel);

        await ConsoleApp.ProblemAsync(answer, HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task UnknownCall_SignedInOrNot_IsAProblemAndNoRedirect()
    {
        await ConsoleApp.ProblemAsync(await app.Nobody().GetAsync("/api/v1/nothing", Cancel), HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Settings_NeverHoldASecret()
    {
        using var client = await app.AdministratorAsync();

        var text = await (await client.GetAsync("/api/v1/settings", Cancel)).Content.ReadAsStringAsync(Cancel);

        Assert.Contains("Fleet:Regions:0", text, StringComparison.Ordinal);
        foreach (var secret in new[] { "probe-password", "cluster-password", "pgbouncer-password", "secret-key" })
            Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Administrators_TheLastOne_StaysOne()
    {
        using var administrator = await app.AdministratorAsync();
        var me = await ConsoleApp.JsonAsync(await administrator.GetAsync("/api/v1/me", Cancel));

        await ConsoleApp.ProblemAsync(await administrator.PostAsJsonAsync($"/api/v1/users/{me.GetProperty("id").GetString()}/disable", new { }, Cancel), HttpStatusCode.UnprocessableEntity);
    }

    [Theory]
    [InlineData("POST", "")]
    [InlineData("PUT", "/{0}/roles")]
    [InlineData("POST", "/{0}/reset")]
    [InlineData("POST", "/{0}/enable")]
    public async Task Users_PowerGivenWithoutASecondFactor_IsRefusedAndOnRecord(string method, string path)
    {
        using var administrator = await app.AdministratorAsync();
        var user = await app.UserAsync(Roles.Viewer);
        var body = new { email = $"n{Guid.NewGuid():N}@example.org", roles = new[] { "approver" }, reason = "new duty" };
        path = $"/api/v1/users{string.Format(System.Globalization.CultureInfo.InvariantCulture, path, user.Id)}";

        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = JsonContent.Create(body) };
        var problem = await ConsoleApp.ProblemAsync(await administrator.SendAsync(request, Cancel), HttpStatusCode.Forbidden);

        Assert.True(problem.GetProperty("stepUpRequired").GetBoolean());
        var me = await ConsoleApp.JsonAsync(await administrator.GetAsync("/api/v1/me", Cancel));
        var tries = await ConsoleApp.JsonAsync(await administrator.GetAsync($"/api/v1/audit?action=call.refused&actor={me.GetProperty("email").GetString()}", Cancel));
        Assert.Equal($"{method} {path}", Assert.Single(tries.GetProperty("items").EnumerateArray()).GetProperty("target").GetString());
        Assert.Equal(["viewer"], (await ConsoleApp.JsonAsync(await administrator.GetAsync($"/api/v1/users/{user.Id}", Cancel))).GetProperty("roles").EnumerateArray().Select(r => r.GetString()!));
    }

    [Fact]
    public async Task Users_ChangesOfRoles_AreAuditedWithBeforeAndAfter()
    {
        using var administrator = await app.AdministratorAsync();
        var user = await app.UserAsync(Roles.Viewer);

        await ConsoleApp.ProveAsync(administrator, HttpMethod.Put, $"/api/v1/users/{user.Id}/roles", new { roles = new[] { "operator", "approver" }, reason = "new duty" }, app.Code(await app.EnrolAsync(administrator)));

        var entries = await ConsoleApp.JsonAsync(await administrator.GetAsync($"/api/v1/audit?action=user.roles&target=user:{user.Id}", Cancel));
        var entry = Assert.Single(entries.GetProperty("items").EnumerateArray());
        Assert.Equal("new duty", entry.GetProperty("reason").GetString());
        Assert.Equal("viewer", entry.GetProperty("before").GetProperty("roles")[0].GetString());
        Assert.Equal(["approver", "operator"], entry.GetProperty("after").GetProperty("roles").EnumerateArray().Select(r => r.GetString()!));
        Assert.StartsWith("127.0.0.1", entry.GetProperty("from").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Audit_VerifyAndExport_AgreeOnTheNumberOfEntries()
    {
        using var auditor = await app.TokenAsync(Roles.Auditor);
        var export = await (await auditor.GetAsync("/api/v1/audit/export", Cancel)).Content.ReadAsStringAsync(Cancel);
        var lines = export.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        var report = await ConsoleApp.JsonAsync(await auditor.GetAsync("/api/v1/audit/verify", Cancel));

        Assert.Equal("intact", report.GetProperty("verdict").GetString());
        Assert.True(report.GetProperty("entries").GetInt64() >= lines.Length);
        Assert.Equal(lines.Length, JsonSerializer.Deserialize<JsonElement>(lines[^1]).GetProperty("sequence").GetInt64());
    }

    [Fact]
    public async Task OpenApi_NamesEveryCallOfTheApi()
    {
        using var client = app.Nobody();

        var document = await ConsoleApp.JsonAsync(await client.GetAsync("/openapi/v1.json", Cancel));

        var paths = document.GetProperty("paths").EnumerateObject().Select(p => p.Name).ToList();
        foreach (var path in new[] { "/api/v1/status", "/api/v1/services", "/api/v1/replication", "/api/v1/objectives", "/api/v1/me", "/api/v1/audit", "/api/v1/audit/verify", "/api/v1/history" })
            Assert.Contains(path, paths);
    }
}
