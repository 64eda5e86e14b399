using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Sandbox.Network;

namespace OpsConsole.Core.Tests.Backups.Stores;

/// <summary>The part of Google Cloud Storage's JSON interface that a backup needs, by its public description: resumable uploads with 308 and Range, generation preconditions, holds, object
/// retention. In memory.</summary>
public sealed class GcsServer : IAsyncDisposable
{
    private const int Granule = 256 * 1024;
    private readonly ConcurrentDictionary<string, Stored> _objects = [];
    private readonly ConcurrentDictionary<string, Session> _sessions = [];
    private WebApplication _app = null!;

    private sealed class Stored(byte[] content)
    {
        public byte[] Content => content;
        public bool Held { get; set; }
        public DateTimeOffset? Until { get; set; }
    }

    private sealed record Session(string Name, bool IfAbsent)
    {
        public MemoryStream Received { get; } = new();
    }

    public string Address { get; private set; } = "";

    /// <summary>Once so many bytes of an upload have come, the connection is dropped in the middle of a chunk, one time.</summary>
    public long? DropOnce { get; set; }

    /// <summary>How often an uploader asked how far it came.</summary>
    public int Asked { get; private set; }

    public static async Task<GcsServer> StartAsync(CancellationToken cancel)
    {
        var server = new GcsServer();
        var app = QuietWebApplication.Build([0], b => b.WebHost.ConfigureKestrel(k => k.Limits.MaxRequestBodySize = null));
        app.Run(server.AnswerAsync);
        await app.StartAsync(cancel);
        (server._app, server.Address) = (app, app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return server;
    }

    private Task AnswerAsync(HttpContext http)
    {
        var target = http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget.Split('?')[0];
        if (target.StartsWith("/session/", StringComparison.Ordinal)) return SessionAsync(http, target["/session/".Length..]);
        if (target.StartsWith("/upload/", StringComparison.Ordinal)) return StartUploadAsync(http);
        const string objects = "/storage/v1/b/backups/o";
        return target == objects ? ListAsync(http) : ObjectAsync(http, Uri.UnescapeDataString(target[(objects.Length + 1)..]));
    }

    private Task StartUploadAsync(HttpContext http)
    {
        var id = Guid.NewGuid().ToString("N");
        _sessions[id] = new Session(http.Request.Query["name"]!, http.Request.Query["ifGenerationMatch"] == "0");
        http.Response.Headers.Location = $"{Address}/session/{id}";
        return Task.CompletedTask;
    }

    private async Task SessionAsync(HttpContext http, string id)
    {
        if (!_sessions.TryGetValue(id, out var session))
        {
            http.Response.StatusCode = 404;
            return;
        }
        if (http.Request.Method == "DELETE")
        {
            _sessions.TryRemove(id, out _);
            http.Response.StatusCode = 499;
            return;
        }
        var range = http.Request.Headers.ContentRange.ToString()["bytes ".Length..].Split('/');
        var total = range[1] == "*" ? (long?)null : long.Parse(range[1], CultureInfo.InvariantCulture);
        if (range[0] == "*" && total is null) Asked++;
        if (range[0] != "*" && !await ReceiveAsync(http, session, long.Parse(range[0].Split('-')[0], CultureInfo.InvariantCulture), final: total is not null)) return;
        if (session.Received.Length == total)
        {
            Finish(http, id, session);
            return;
        }
        http.Response.StatusCode = 308;
        if (session.Received.Length > 0) http.Response.Headers.Range = $"bytes=0-{session.Received.Length - 1}";
    }

    private async Task<bool> ReceiveAsync(HttpContext http, Session session, long from, bool final)
    {
        if (from != session.Received.Length)
        {
            http.Response.StatusCode = 503;
            return false;
        }
        var chunk = new MemoryStream();
        await http.Request.Body.CopyToAsync(chunk);
        if (!final && chunk.Length % Granule != 0)
        {
            http.Response.StatusCode = 400;
            return false;
        }
        var bytes = chunk.ToArray();
        if (DropOnce < session.Received.Length + bytes.Length)
        {
            DropOnce = null;
            session.Received.Write(bytes.AsSpan(0, bytes.Length / 2 / Granule * Granule));
            http.Abort();
            return false;
        }
        session.Received.Write(bytes);
        return true;
    }

    private void Finish(HttpContext http, string id, Session session)
    {
        _sessions.TryRemove(id, out _);
        var stored = new Stored(session.Received.ToArray());
        if (session.IfAbsent && !_objects.TryAdd(session.Name, stored)) http.Response.StatusCode = 412;
        else _objects[session.Name] = stored;
    }

    private async Task ListAsync(HttpContext http)
    {
        var prefix = http.Request.Query["prefix"].ToString();
        var items = _objects.Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(o => o.Key, StringComparer.Ordinal).ToList();
        var skip = int.TryParse(http.Request.Query["pageToken"], out var n) ? n : 0;
        const int page = 2; // so that every listing turns pages
        var answer = new JsonObject { ["items"] = new JsonArray([.. items.Skip(skip).Take(page).Select(o => Described(o.Key, o.Value))]) };
        if (items.Count > skip + page) answer["nextPageToken"] = $"{skip + page}";
        await http.Response.WriteAsync(answer.ToJsonString());
    }

    private async Task ObjectAsync(HttpContext http, string name)
    {
        if (!_objects.TryGetValue(name, out var stored))
        {
            http.Response.StatusCode = 404;
            return;
        }
        switch (http.Request.Method)
        {
            case "DELETE" when stored.Held || stored.Until is not null:
                http.Response.StatusCode = 403;
                await http.Response.WriteAsync("Object is subject to an active hold or retention.");
                return;
            case "DELETE":
                _objects.TryRemove(name, out _);
                http.Response.StatusCode = 204;
                return;
            case "PATCH":
                var change = (await JsonNode.ParseAsync(http.Request.Body))!;
                stored.Held = (bool?)change["temporaryHold"] ?? stored.Held;
                if (change["retention"]?["retainUntilTime"] is { } until) stored.Until = DateTimeOffset.Parse((string)until!, CultureInfo.InvariantCulture);
                break;
            case "GET" when http.Request.Query["alt"] == "media":
                await Results.Bytes(stored.Content, enableRangeProcessing: true).ExecuteAsync(http);
                return;
        }
        await http.Response.WriteAsync(Described(name, stored).ToJsonString());
    }

    private static JsonObject Described(string name, Stored stored)
    {
        var item = new JsonObject { ["name"] = name, ["size"] = $"{stored.Content.Length}", ["updated"] = "2026-11-23T10:00:00.000Z", ["temporaryHold"] = stored.Held };
        if (stored.Until is { } until) item["retention"] = new JsonObject { ["mode"] = "Locked", ["retainUntilTime"] = until.UtcDateTime };
        return item;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
