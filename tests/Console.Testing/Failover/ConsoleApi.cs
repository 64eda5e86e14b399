using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace OpsConsole.Testing.Failover;

/// <summary>The console's REST API as scripts use it, with the sandbox's people. Goes on with another console when one does not answer.</summary>
public sealed class ConsoleApi(FleetUnderTest fleet) : IDisposable
{
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(20) };
    private readonly IReadOnlyList<string> _consoles = fleet.Consoles;
    private readonly JsonArray _people = fleet.Credentials;
    private int _console;
    private long _step;

    public void Dispose() => _http.Dispose();

    public Task<JsonNode> GetAsync(string path, string person = "operator") => CallAsync(HttpMethod.Get, path, null, person);

    public Task<JsonNode> PostAsync(string path, JsonObject body, string person = "operator") => CallAsync(HttpMethod.Post, path, body, person);

    /// <summary>Automatic failover on or off, with the administrator's second factor.</summary>
    public async Task EnableAutomaticAsync(string cluster, bool enabled = true) =>
        await CallAsync(HttpMethod.Post, $"failovers/automatic/{cluster}", new JsonObject { ["enabled"] = enabled, ["reason"] = "measurement" }, "administrator", FreshCode());

    /// <summary>Each code counts once: the one of now, or of the next step when that was used.</summary>
    private string FreshCode()
    {
        _step = Math.Max(_step + 1, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 30);
        return Totp.Code((string)Person("administrator")["totpSecret"]!, DateTimeOffset.FromUnixTimeSeconds(_step * 30));
    }

    /// <summary>Asks for a move as the operator, has the approver agree.</summary>
    /// <returns>the operation's id</returns>
    public async Task<string> SwitchAsync(string source, string target)
    {
        var call = new JsonObject { ["cluster"] = "orders", ["source"] = source, ["target"] = target, ["strategy"] = "immediate", ["planned"] = true };
        var preview = await PostAsync("failovers/preview", call.DeepClone().AsObject());
        var hash = (string)preview["plan"]!["hash"]!;
        call["planHash"] = hash;
        call["reason"] = "measurement";
        var submitted = await PostAsync("failovers", call);
        if ((string?)submitted["approvalId"] is { } approval)
            await PostAsync($"approvals/{approval}/approve", new JsonObject { ["planHash"] = hash, ["comment"] = "measurement" }, "approver1");
        return (string)submitted["operationId"]!;
    }

    public async Task<IReadOnlyList<JsonNode>> FailoversAsync() => [.. (await GetAsync("operations?kind=failover"))["items"]!.AsArray().OfType<JsonNode>()];

    /// <summary>Waits until the operation has ended.</summary>
    public async Task<JsonNode> EndAsync(string id, TimeSpan limit)
    {
        using var deadline = new CancellationTokenSource(limit);
        while (true)
        {
            JsonNode? operation = null;
            try
            {
                operation = await GetAsync($"operations/{id}");
            }
            catch (HttpRequestException) when (!deadline.IsCancellationRequested)
            {
                // A console that is being started again: asked again below.
            }
            if ((string?)operation?["state"] is "succeeded" or "failed" or "rolledBack" or "cancelled" or "expired") return operation;
            if (deadline.IsCancellationRequested) throw new TimeoutException($"Operation {id} is {operation?["state"]} after {limit.TotalSeconds} s.");
            await Task.Delay(200);
        }
    }

    private async Task<JsonNode> CallAsync(HttpMethod method, string path, JsonObject? body, string person, string? code = null)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var request = new HttpRequestMessage(method, $"{_consoles[_console]}/api/v1/{path}") { Content = body is null ? null : JsonContent.Create(body) };
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", (string)Person(person)["apiToken"]!);
                if (code is not null) request.Headers.Add("X-Totp", code);
                using var answer = await _http.SendAsync(request);
                var text = await answer.Content.ReadAsStringAsync();
                if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{method} {path}: {(int)answer.StatusCode} {text}");
                return JsonNode.Parse(text)!;
            }
            catch (HttpRequestException) when (attempt < _consoles.Count)
            {
                _console = (_console + 1) % _consoles.Count;
            }
        }
    }

    private JsonNode Person(string name) => _people.OfType<JsonNode>().First(p => ((string)p["email"]!).StartsWith(name + "@", StringComparison.Ordinal));
}
