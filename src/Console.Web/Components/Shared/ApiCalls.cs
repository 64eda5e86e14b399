using System.Text.Json;
using Microsoft.JSInterop;

namespace OpsConsole.Web.Components.Shared;

/// <param name="Code">of the authenticator app</param>
/// <param name="Passkey">ask the authenticator</param>
public sealed record Proof(string? Code, bool Passkey = false)
{
    public static Proof None { get; } = new((string?)null);
}

/// <param name="Status">HTTP status; 0: the call was not made</param>
public sealed record ApiAnswer(int Status, string Text)
{
    public bool Ok => Status is >= 200 and < 300;

    public JsonElement Body => Text is ['{', ..] ? JsonSerializer.Deserialize<JsonElement>(Text) : default;

    /// <summary>What went wrong and how to mend it, for people.</summary>
    public string Problem => Read("detail") ?? Read("title") ?? $"The console answered {Status}.";

    public string? Read(string name) => Body is { ValueKind: JsonValueKind.Object } body && body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <summary>Dangerous calls of pages go through the API, from the browser: one way in, one set of checks.</summary>
public static class ApiCalls
{
    public static async Task<ApiAnswer> CallApiAsync(this IJSRuntime browser, string method, string url, object? body, Proof? proof = null, string? key = null)
    {
        try
        {
            return await browser.InvokeAsync<ApiAnswer>("opsConsoleActing.call", method, url, body, new { code = proof?.Code, passkey = proof?.Passkey ?? false, key });
        }
        catch (JSDisconnectedException)
        {
            return new ApiAnswer(0, "");
        }
    }
}
