using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OpsConsole.Core.Approvals;

namespace OpsConsole.Web.Tests.Api;

/// <summary>Experiments and drills over the API, on a fleet that nobody has seen yet: shapes, roles and refusals. What they do is tested on real parts.</summary>
public sealed class ExperimentApiTests(ConsoleApp app)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Experiments_List_HasTheFixedShapeAndSaysWhatIsInTheWay()
    {
        using var client = await app.TokenAsync(Roles.Viewer);

        var items = (await ConsoleApp.JsonAsync(await client.GetAsync("/api/v1/experiments", Cancel))).GetProperty("items").EnumerateArray().ToList();

        Assert.Equal(["application", "database", "infrastructure", "network", "regional"], items.Select(i => i.GetProperty("group").GetString()!).Distinct().Order());
        Assert.All(items, i => Assert.True(i.GetProperty("durationSeconds").GetDouble() > 0 && i.GetProperty("targets").ValueKind == JsonValueKind.Array && i.GetProperty("severity").GetString() is "low" or "medium" or "high" or "critical"));
        Assert.All(items, i => Assert.False(string.IsNullOrEmpty(i.GetProperty("unavailable").GetString()), i.ToString())); // no primary was seen, no shell and no proxy is declared
    }

    [Fact]
    public async Task Run_WrongRoleUnknownOrIncomplete_AnswersAProblem()
    {
        using var viewer = await app.TokenAsync(Roles.Viewer);
        using var asker = await app.TokenAsync(Roles.Operator);

        await ConsoleApp.ProblemAsync(await viewer.PostAsJsonAsync("/api/v1/experiments/host-disk/run", new { reason = "x", planHash = "y" }, Cancel), HttpStatusCode.Forbidden);
        await ConsoleApp.ProblemAsync(await asker.PostAsJsonAsync("/api/v1/experiments/nothing/run", new { reason = "x", planHash = "y" }, Cancel), HttpStatusCode.NotFound);
        var incomplete = await ConsoleApp.ProblemAsync(await asker.PostAsJsonAsync("/api/v1/experiments/host-disk/run", new { }, Cancel), HttpStatusCode.BadRequest);
        Assert.Equal(["planHash", "reason"], incomplete.GetProperty("errors").EnumerateObject().Select(e => e.Name).Order());
        var unknown = await ConsoleApp.ProblemAsync(await asker.PostAsync("/api/v1/experiments/host-disk/preview", null, Cancel), HttpStatusCode.UnprocessableEntity);
        Assert.Equal("primaryUnknown", unknown.GetProperty("rule").GetString());
        await ConsoleApp.ProblemAsync(await asker.PostAsJsonAsync("/api/v1/experiments/host-disk/preview", new { durationSeconds = 50_000 }, Cancel), HttpStatusCode.UnprocessableEntity);
    }

    [Fact]
    public async Task EmergencyStop_TwiceAndReleased_BlocksNewOnesMeanwhile()
    {
        using var approver = await app.TokenAsync(Roles.Approver);
        using var asker = await app.TokenAsync(Roles.Operator);
        foreach (var reason in new[] { "first", "second" })
            Assert.True((await ConsoleApp.JsonAsync(await approver.PostAsJsonAsync("/api/v1/emergency-stop", new { reason }, Cancel))).GetProperty("engaged").GetBoolean());

        var refused = await ConsoleApp.ProblemAsync(await asker.PostAsJsonAsync("/api/v1/drills/smoke/run", new { reason = "test" }, Cancel), HttpStatusCode.UnprocessableEntity);
        var status = await ConsoleApp.JsonAsync(await asker.GetAsync("/api/v1/emergency-stop", Cancel));
        var released = await ConsoleApp.JsonAsync(await approver.PostAsJsonAsync("/api/v1/emergency-stop/release", new { reason = "over" }, Cancel));

        Assert.Equal("stopEngaged", refused.GetProperty("rule").GetString());
        Assert.Equal("first", status.GetProperty("reason").GetString());
        Assert.Equal(JsonValueKind.Array, status.GetProperty("reverted").ValueKind);
        Assert.False(released.GetProperty("engaged").GetBoolean());
    }

    [Fact]
    public async Task Readiness_OfAPair_HasAScoreChecksAndTheNextBestDrill()
    {
        using var client = await app.TokenAsync(Roles.Viewer);

        var readiness = await ConsoleApp.JsonAsync(await client.GetAsync("/api/v1/readiness?source=us-east-1&target=us-west-2", Cancel));

        Assert.InRange(readiness.GetProperty("scorePercent").GetDouble(), 0, 100);
        Assert.True(readiness.GetProperty("checks").GetArrayLength() > 0);
        Assert.Equal("databaseFailover", readiness.GetProperty("nextBestDrill").GetProperty("suite").GetString());
        await ConsoleApp.ProblemAsync(await client.GetAsync("/api/v1/readiness?source=us-east-1&target=us-east-1", Cancel), HttpStatusCode.UnprocessableEntity);
    }

    [Fact]
    public async Task Drills_UnknownSuiteOrNoReason_AnswersAProblem()
    {
        using var asker = await app.TokenAsync(Roles.Operator);

        await ConsoleApp.ProblemAsync(await asker.PostAsJsonAsync("/api/v1/drills/karaoke/run", new { reason = "x" }, Cancel), HttpStatusCode.NotFound);
        await ConsoleApp.ProblemAsync(await asker.PostAsJsonAsync("/api/v1/drills/smoke/run", new { }, Cancel), HttpStatusCode.BadRequest);
        await ConsoleApp.ProblemAsync(await asker.GetAsync($"/api/v1/operations/{Guid.NewGuid()}/report?format=pdf", Cancel), HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Schedules_ListedPausedAndResumed()
    {
        using var asker = await app.TokenAsync(Roles.Operator);

        var schedules = (await ConsoleApp.JsonAsync(await asker.GetAsync("/api/v1/schedules", Cancel))).GetProperty("items").EnumerateArray().ToList();
        var paused = await ConsoleApp.JsonAsync(await asker.PostAsJsonAsync("/api/v1/schedules/pause", new { reason = "release week" }, Cancel));
        var resumed = await ConsoleApp.JsonAsync(await asker.DeleteAsync("/api/v1/schedules/pause?reason=over", Cancel));

        Assert.Contains(schedules, s => s.GetProperty("id").GetString() == "weekly-smoke" && s.GetProperty("timeZone").GetString() == "UTC");
        Assert.Equal((true, "release week"), (paused.GetProperty("paused").GetBoolean(), paused.GetProperty("reason").GetString()));
        Assert.False(resumed.GetProperty("paused").GetBoolean());
    }

    [Fact]
    public async Task Import_OfForeignCode_SavesNothingAndSaysWhy()
    {
        using var asker = await app.TokenAsync(Roles.Operator);
        var experiment = new { title = "x", method = new[] { new { type = "action", name = "kill", provider = new { type = "process", path = "rm" } } } };

        var answer = await ConsoleApp.JsonAsync(await asker.PostAsJsonAsync("/api/v1/experiments/import", new { id = "mine", experiment }, Cancel));

        Assert.False(answer.GetProperty("saved").GetBoolean());
        Assert.Contains("code and programs of others are not run", answer.GetProperty("parts")[0].GetProperty("words").GetString(), StringComparison.Ordinal);
        await ConsoleApp.ProblemAsync(await asker.PostAsJsonAsync("/api/v1/experiments/import", new { id = "NOT OK" }, Cancel), HttpStatusCode.BadRequest);
    }
}
