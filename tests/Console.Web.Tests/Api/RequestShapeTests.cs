using System.Net;
using System.Net.Http.Json;
using System.Text;
using OpsConsole.Core.Approvals;

namespace OpsConsole.Web.Tests.Api;

/// <summary>Calls that miss the endpoint that was meant: each hears what to mend.</summary>
public sealed class RequestShapeTests(ConsoleApp app)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/v1/failovers", null)]
    [InlineData("/api/v1/failovers/preview", "text/plain")]
    [InlineData("/api/v1/backups", null)]
    [InlineData("/api/v1/restores", "application/xml")]
    [InlineData("/api/v1/emergency-stop", "text/plain")]
    [InlineData("/api/v1/drills/smoke/run", null)]
    [InlineData("/api/v1/experiments/host-disk/preview", null)]
    public async Task Call_BodyThatIsNotSaidToBeJson_IsAProblemThatNamesTheHeader(string path, string? type)
    {
        using var client = await app.TokenAsync(Roles.Operator);
        using var body = new StringContent("{}", Encoding.UTF8);
        body.Headers.ContentType = type is null ? null : new(type);

        var problem = await ConsoleApp.ProblemAsync(await client.PostAsync(path, body, Cancel), HttpStatusCode.UnsupportedMediaType);

        Assert.Contains("Content-Type: application/json", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_OfAnotherMethod_HearsWhichOnesThereAre()
    {
        using var client = await app.TokenAsync(Roles.Operator);

        var answer = await client.GetAsync("/api/v1/failovers/preview", Cancel);

        await ConsoleApp.ProblemAsync(answer, HttpStatusCode.MethodNotAllowed);
        Assert.Equal(["POST"], answer.Content.Headers.Allow);
    }

    [Theory]
    [InlineData("/api/v1/operations/nope")]
    [InlineData("/api/v1/backups/nope/life")]
    [InlineData("/api/v1/nothing")]
    public async Task Read_OfAWrongId_IsNotFound(string path)
    {
        using var client = await app.TokenAsync(Roles.Viewer);

        await ConsoleApp.ProblemAsync(await client.GetAsync(path, Cancel), HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("/api/v1/failovers")]
    [InlineData("/api/v1/emergency-stop")]
    public async Task Call_ByAProgramThatIsNotSignedIn_HearsSo(string path)
    {
        using var client = app.Nobody();
        client.DefaultRequestHeaders.Remove("X-OpsConsole");

        await ConsoleApp.ProblemAsync(await client.PostAsJsonAsync(path, new { reason = "x" }, Cancel), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Run_ReasonThatNobodyCanRead_IsRefused()
    {
        using var client = await app.TokenAsync(Roles.Operator);

        var problem = await ConsoleApp.ProblemAsync(await client.PostAsJsonAsync("/api/v1/drills/smoke/run", new { reason = new string('x', 2001) }, Cancel), HttpStatusCode.UnprocessableEntity);

        Assert.Equal("reason", problem.GetProperty("rule").GetString());
    }
}
