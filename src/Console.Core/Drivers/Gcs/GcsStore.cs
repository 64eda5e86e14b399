using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Gcs;

/// <summary>Google Cloud Storage over its JSON interface: resumable uploads, ranges, generation preconditions, holds and object retention.</summary>
public sealed class GcsStore : IBackupStore
{
    private readonly BackupRepositoryOptions _repository;
    private readonly GcsHttp _http;
    private readonly TimeProvider _time;

    public GcsStore(BackupRepositoryOptions repository, TimeProvider time)
    {
        (_repository, _time) = (repository, time);
        _http = new GcsHttp(this, repository);
        Capabilities = new StoreCapabilities(ConditionalPut: true, repository.ObjectLock, LegalHold: true, Versioned: false);
    }

    public string Id => _repository.Id;
    public string Location => $"{_repository.Endpoint.TrimEnd('/')}/{_repository.Bucket}/{_repository.Prefix}".TrimEnd('/');
    public StoreCapabilities Capabilities { get; }

    public async Task<StoredObject> PutAsync(string name, Stream content, PutOptions options, CancellationToken cancel)
    {
        var query = $"uploadType=resumable&name={Escape(KeyOf(name))}{(options.IfAbsent ? "&ifGenerationMatch=0" : "")}";
        using var start = await _http.SendAsync(name, () => new HttpRequestMessage(HttpMethod.Post, _http.Upload(query)) { Content = JsonOf(new JsonObject()) }, cancel);
        var session = start.Headers.Location ?? throw new StoreException(Id, StoreFailure.Other, "it began an upload without saying where to send it.");
        var size = await new GcsUpload(_http, Id, session, name).SendAsync(content, cancel);
        var until = RetainUntil(options);
        if (until is { } time) await RetainAsync(name, time, cancel);
        return new StoredObject(name, size, _time.GetUtcNow()) { RetainUntil = until };
    }

    public async Task<Stream> GetAsync(string name, long offset, long? length, CancellationToken cancel)
    {
        var answer = await _http.SendAsync(
            name,
            () =>
            {
                var request = new HttpRequestMessage(HttpMethod.Get, _http.Object(KeyOf(name), "alt=media"));
                if (offset > 0 || length is not null) request.Headers.Range = new(offset, offset + length - 1);
                return request;
            },
            cancel);
        return new OwningStream(await answer.Content.ReadAsStreamAsync(cancel), answer);
    }

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        string? token = null;
        do
        {
            var query = $"prefix={Escape(KeyOf(prefix))}&maxResults=1000&fields=nextPageToken,items(name,size,updated){(token is null ? "" : "&pageToken=" + Escape(token))}";
            using var answer = await _http.SendAsync(prefix, () => new HttpRequestMessage(HttpMethod.Get, _http.Objects(query)), cancel);
            using var page = await JsonDocument.ParseAsync(await answer.Content.ReadAsStreamAsync(cancel), cancellationToken: cancel);
            if (page.RootElement.TryGetProperty("items", out var items))
                foreach (var item in items.EnumerateArray()) yield return Described(item);
            token = page.RootElement.TryGetProperty("nextPageToken", out var next) ? next.GetString() : null;
        }
        while (token is not null);
    }

    public async Task<StoredObject?> FindAsync(string name, CancellationToken cancel)
    {
        try
        {
            using var answer = await _http.SendAsync(name, () => new HttpRequestMessage(HttpMethod.Get, _http.Object(KeyOf(name), "")), cancel);
            using var found = await JsonDocument.ParseAsync(await answer.Content.ReadAsStreamAsync(cancel), cancellationToken: cancel);
            return Described(found.RootElement);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Missing)
        {
            return null;
        }
    }

    public async Task DeleteAsync(string name, CancellationToken cancel)
    {
        try
        {
            using var answer = await _http.SendAsync(name, () => new HttpRequestMessage(HttpMethod.Delete, _http.Object(KeyOf(name), "")), cancel);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Missing)
        {
            return;
        }
    }

    public Task HoldAsync(string name, bool held, CancellationToken cancel) => PatchAsync(name, "", new JsonObject { ["temporaryHold"] = held }, cancel);

    public Task RetainAsync(string name, DateTimeOffset until, CancellationToken cancel) => PatchAsync(
        name, "", new JsonObject { ["retention"] = new JsonObject { ["mode"] = "Locked", ["retainUntilTime"] = until.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture) } }, cancel);

    public Task CheckAsync(CancellationToken cancel) => Capabilities.Retention ? FirstAsync(cancel) : StoreChecks.RoundTripAsync(this, cancel);

    private async Task FirstAsync(CancellationToken cancel)
    {
        using var answer = await _http.SendAsync("", () => new HttpRequestMessage(HttpMethod.Get, _http.Objects("maxResults=1")), cancel);
    }

    private async Task PatchAsync(string name, string query, JsonObject change, CancellationToken cancel)
    {
        using var answer = await _http.SendAsync(name, () => new HttpRequestMessage(HttpMethod.Patch, _http.Object(KeyOf(name), query)) { Content = JsonOf(change) }, cancel);
    }

    private DateTimeOffset? RetainUntil(PutOptions options)
    {
        if (!Capabilities.Retention) return null;
        var own = _repository.RetainDays > 0 && !options.Passing ? _time.GetUtcNow().AddDays(_repository.RetainDays) : (DateTimeOffset?)null;
        return options.RetainUntil > own || own is null ? options.RetainUntil : own;
    }

    private StoredObject Described(JsonElement item) => new(
        NameOf(item.GetProperty("name").GetString()!),
        long.Parse(item.GetProperty("size").GetString()!, System.Globalization.CultureInfo.InvariantCulture),
        item.GetProperty("updated").GetDateTimeOffset())
    {
        Held = item.TryGetProperty("temporaryHold", out var held) && held.GetBoolean(),
        RetainUntil = item.TryGetProperty("retention", out var retention) && retention.TryGetProperty("retainUntilTime", out var until) ? until.GetDateTimeOffset() : null,
    };

    private static StringContent JsonOf(JsonObject json) => new(json.ToJsonString(), System.Text.Encoding.UTF8, "application/json");

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private string KeyOf(string name) => ObjectName.In(_repository.Prefix, name);

    private string NameOf(string key) => _repository.Prefix.Length == 0 ? key : key[(_repository.Prefix.Trim('/').Length + 1)..];

    public void Dispose() => _http.Dispose();
}
