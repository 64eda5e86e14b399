using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OtpNet;

namespace OpsConsole.Web.Tests.Trust;

/// <summary>Somebody with a browser or a script. Codes of three time steps are valid at any moment; each counts once.</summary>
internal sealed class TestPerson(ConsoleUnderTest console, Guid id, string email, string secret)
{
    public const string Password = "a long enough pass phrase";
    private readonly Totp _app = new(Base32Encoding.ToBytes(secret));
    private int _used;

    public Guid Id => id;
    public string Email => email;
    public HttpClient Api { get; } = console.CreateClient();

    /// <summary>A code that has not been used: of the step before, of this one, of the next.</summary>
    public string Code() => _app.ComputeTotp(TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(30 * (_used++ - 1)));

    public async Task<Reply> GetAsync(string path) => await Reply.ReadAsync(await Api.GetAsync(path));

    public Task<Reply> PostAsync(string path, object body, string? code = null, string? key = null) => SendAsync(HttpMethod.Post, path, body, code, key);

    public Task<Reply> PutAsync(string path, object body, string? code = null) => SendAsync(HttpMethod.Put, path, body, code, null);

    private async Task<Reply> SendAsync(HttpMethod method, string path, object body, string? code, string? key)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body) };
        if (code is not null) request.Headers.Add("X-Totp", code);
        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        return await Reply.ReadAsync(await Api.SendAsync(request));
    }
}

internal sealed record Reply(HttpStatusCode Status, JsonObject Body)
{
    public static async Task<Reply> ReadAsync(HttpResponseMessage response)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync();
            return new Reply(response.StatusCode, text.Length > 0 && text[0] == '{' ? JsonNode.Parse(text)!.AsObject() : []);
        }
    }

    public string? this[string name] => Body[name]?.ToString();

    /// <summary>The status with the body in the message of a failure.</summary>
    public Reply Is(int status)
    {
        Assert.True((int)Status == status, $"{(int)Status} instead of {status}: {Body}");
        return this;
    }
}
