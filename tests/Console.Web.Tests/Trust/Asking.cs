namespace OpsConsole.Web.Tests.Trust;

/// <summary>Requests over the API, as a script makes them. Each asks for another target, so that tests do not block each other.</summary>
internal static class Asking
{
    private static readonly (string Source, string Target)[] Pairs = [("us-east-1", "us-west-2"), ("us-east-1", "eu-west-1"), ("us-west-2", "us-east-1")];

    public static object Call(string strategy, int pair = 0, string? planHash = null, string reason = "the primary is slow", object? breakGlass = null, string? start = null, string[]? overrides = null) => new
    {
        cluster = "orders", source = Pairs[pair].Source, target = Pairs[pair].Target, strategy, planned = false, planHash, reason, breakGlass, start, overrides,
    };

    public static async Task<string> HashAsync(TestPerson person, string strategy, int pair = 0, string[]? overrides = null) =>
        (await person.PostAsync("/api/v1/failovers/preview", Call(strategy, pair, overrides: overrides))).Is(200).Body["plan"]!["hash"]!.ToString();

    public static async Task<(string Operation, string? Approval, string Hash)> SubmitAsync(TestPerson person, string strategy, int pair = 0, string? start = null)
    {
        var hash = await HashAsync(person, strategy, pair);
        var reply = await person.PostAsync("/api/v1/failovers", Call(strategy, pair, hash, start: start));
        if (reply["blockedBy"] is { } running)
        {
            // What an earlier test has started may still be at it.
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            await person.Api.GetStringAsync($"/api/v1/operations/{running}/events", limit.Token);
            reply = await person.PostAsync("/api/v1/failovers", Call(strategy, pair, hash, start: start));
        }
        reply.Is(202);
        return (reply["operationId"]!, reply["approvalId"], hash);
    }

    /// <summary>Follows the operation's own events until it has ended.</summary>
    public static async Task EndsAsync(TestPerson person, string operation, string state)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await person.Api.GetStringAsync($"/api/v1/operations/{operation}/events", limit.Token);
        Assert.Equal(state, (await person.GetAsync($"/api/v1/operations/{operation}"))["state"]);
    }
}
