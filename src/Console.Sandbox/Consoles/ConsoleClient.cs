using System.Net;
using System.Text.Json.Nodes;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Sandbox.Consoles;

/// <summary>One person's session with the console's REST API.</summary>
public sealed class ConsoleClient : IDisposable
{
    private readonly HttpClient _http;

    public ConsoleClient(string url, HttpMessageHandler? handler = null)
    {
        _http = new HttpClient(handler ?? new SocketsHttpHandler { CookieContainer = new CookieContainer(), UseProxy = false }) { BaseAddress = new Uri(url) };
        _http.DefaultRequestHeaders.Add("X-OpsConsole", "1"); // says that no foreign page sent this
    }

    /// <summary>False when the console refuses e-mail, password or code.</summary>
    public async Task<bool> SignInAsync(string email, string password, string? code, CancellationToken cancel)
    {
        using var answer = await SendAsync(HttpMethod.Post, "session", new JsonObject { ["email"] = email, ["password"] = password, ["totp"] = code }, cancel);
        return answer.StatusCode != HttpStatusCode.Unauthorized && await RequireAsync(answer, cancel) is not null;
    }

    /// <param name="code">Of the second factor.</param>
    /// <exception cref="SandboxException">The console answered with an error; carries it.</exception>
    public async Task<JsonNode> CallAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancel, string? code = null)
    {
        using var answer = await SendAsync(method, path, body, cancel, code);
        return await RequireAsync(answer, cancel);
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancel, string? code = null)
    {
        while (true)
        {
            using var request = new HttpRequestMessage(method, $"/api/v1/{path}") { Content = body is null ? null : JsonContent.Create(body) };
            if (code is not null)
            {
                request.Headers.Add("X-Totp", code);
            }
            var answer = await _http.SendAsync(request, cancel);
            if (answer.StatusCode != HttpStatusCode.TooManyRequests)
            {
                return answer;
            }
            using (answer)
            {
                await Task.Delay(answer.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(1), cancel);
            }
        }
    }

    private static async Task<JsonNode> RequireAsync(HttpResponseMessage answer, CancellationToken cancel)
    {
        var text = await answer.Content.ReadAsStringAsync(cancel);
        if (!answer.IsSuccessStatusCode)
        {
            throw new SandboxException($"The console refused {answer.RequestMessage?.Method} {answer.RequestMessage?.RequestUri?.AbsolutePath}: {(int)answer.StatusCode} {text}");
        }
        return text.Length > 0 ? JsonNode.Parse(text)! : new JsonObject();
    }
}
