using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;
using OpsConsole.Core.Chaos;

namespace OpsConsole.Core.Drivers.Toxiproxy;

/// <summary>A toxic in Toxiproxy's words. <see cref="Stream"/>: upstream (from the client) or downstream.</summary>
/// <param name="Toxicity">share of the connections that feel it, 0 to 1</param>
internal sealed record ToxicSpec(string Name, string Type, string Stream, double Toxicity, IReadOnlyDictionary<string, double> Attributes);

internal sealed record ToxicState(string Name, string Type, string Stream, double Toxicity, Dictionary<string, double> Attributes);

internal sealed record ProxyState(string Name, bool Enabled, List<ToxicState> Toxics);

/// <summary>Toxiproxy's HTTP API, as far as faults need it.</summary>
internal sealed class ToxiproxyApi(HttpClient client, string url)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { NumberHandling = JsonNumberHandling.AllowReadingFromString };
    private readonly Uri _base = new(url.TrimEnd('/') + "/");

    /// <exception cref="FaultException">it does not answer, or not as Toxiproxy does</exception>
    public Task<Dictionary<string, ProxyState>> ProxiesAsync(CancellationToken cancel) => AskAsync(async () =>
        await client.GetFromJsonAsync<Dictionary<string, ProxyState>>(new Uri(_base, "proxies"), Json, cancel) ?? [], cancel);

    /// <summary>One that is there already stays as it is.</summary>
    public Task AddAsync(string proxy, ToxicSpec toxic, CancellationToken cancel) => AskAsync(async () =>
    {
        using var answer = await client.PostAsJsonAsync(new Uri(_base, $"proxies/{Uri.EscapeDataString(proxy)}/toxics"), toxic, Json, cancel);
        if (!answer.IsSuccessStatusCode && answer.StatusCode != HttpStatusCode.Conflict) throw await RefusedAsync(answer, proxy, cancel);
        return true;
    }, cancel);

    /// <summary>One that is gone, or whose proxy is gone, is as wanted.</summary>
    public Task RemoveAsync(string proxy, string toxic, CancellationToken cancel) => AskAsync(async () =>
    {
        using var answer = await client.DeleteAsync(new Uri(_base, $"proxies/{Uri.EscapeDataString(proxy)}/toxics/{Uri.EscapeDataString(toxic)}"), cancel);
        if (!answer.IsSuccessStatusCode && answer.StatusCode != HttpStatusCode.NotFound) throw await RefusedAsync(answer, proxy, cancel);
        return true;
    }, cancel);

    private async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancel)
    {
        try
        {
            return await ask();
        }
        catch (Exception e) when (e is HttpRequestException or JsonException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            throw new FaultException($"Toxiproxy at {_base.Authority} does not answer as it should: {e.Message}", e);
        }
    }

    private static async Task<FaultException> RefusedAsync(HttpResponseMessage answer, string proxy, CancellationToken cancel) =>
        new($"Toxiproxy refused a toxic on {proxy} ({(int)answer.StatusCode}): {(await answer.Content.ReadAsStringAsync(cancel)).Trim()}");
}
