using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace OpsConsole.Sandbox.Network;

/// <summary>The HTTP API of Toxiproxy 2 over the sandbox's proxies, so that one driver serves both.</summary>
public static class ToxiproxyApi
{
    private const string Version = "2.9.0";

    public static async Task<WebApplication> StartAsync(SiteNetwork network, int port, CancellationToken cancel)
    {
        var app = QuietWebApplication.Build([port]);
        app.MapGet("/version", () => Results.Json(new { version = Version }));
        app.MapPost("/reset", () => ResetAsync(network));
        app.MapGet("/proxies", () => network.Proxies.Values.OrderBy(p => p.Name).ToDictionary(p => p.Name, ProxyJson));
        app.MapPost("/proxies", (JsonElement body) => CreateAsync(network, body));
        app.MapGet("/proxies/{name}", (string name) => With(network, name, p => Results.Json(ProxyJson(p))));
        app.MapMethods("/proxies/{name}", ["POST", "PATCH"], (string name, JsonElement body) => WithAsync(network, name, p => UpdateAsync(p, body)));
        app.MapDelete("/proxies/{name}", (string name) => WithAsync(network, name, p => DeleteAsync(network, p)));
        app.MapGet("/proxies/{name}/toxics", (string name) => With(network, name, p => Results.Json(p.Toxics.Select(ToxicJson))));
        app.MapPost("/proxies/{name}/toxics", (string name, JsonElement body) => With(network, name, p => AddToxic(p, body)));
        app.MapGet("/proxies/{name}/toxics/{toxic}", (string name, string toxic) => WithToxic(network, name, toxic, (_, t) => Results.Json(ToxicJson(t))));
        app.MapMethods("/proxies/{name}/toxics/{toxic}", ["POST", "PATCH"], (string name, string toxic, JsonElement body) =>
            WithToxic(network, name, toxic, (p, t) => UpdateToxic(p, t, body)));
        app.MapDelete("/proxies/{name}/toxics/{toxic}", (string name, string toxic) => WithToxic(network, name, toxic, RemoveToxic));
        await app.StartAsync(cancel);
        return app;
    }

    private static async Task<IResult> ResetAsync(SiteNetwork network)
    {
        foreach (var proxy in network.Proxies.Values)
        {
            proxy.Change(_ => []);
            await proxy.SetEnabledAsync(true);
        }
        return Results.NoContent();
    }

    private static async Task<IResult> CreateAsync(SiteNetwork network, JsonElement body)
    {
        var name = Text(body, "name");
        if (string.IsNullOrEmpty(name))
        {
            return Error(400, "missing required field: name");
        }
        if (!IPEndPoint.TryParse(Text(body, "listen") ?? "", out var listen) || !IPEndPoint.TryParse(Text(body, "upstream") ?? "", out var upstream))
        {
            return Error(400, "listen and upstream must be IP:PORT");
        }
        try
        {
            var enabled = !body.TryGetProperty("enabled", out var e) || e.GetBoolean();
            return await network.AddAsync(name, listen, upstream, TimeSpan.Zero, enabled)
                ? Results.Json(ProxyJson(network.Proxies[name]), statusCode: 201)
                : Error(409, "proxy already exists");
        }
        catch (SocketException e)
        {
            return Error(500, $"listen {listen}: {e.Message}");
        }
    }

    private static async Task<IResult> UpdateAsync(LinkProxy proxy, JsonElement body)
    {
        if (Text(body, "upstream") is { Length: > 0 } text)
        {
            if (!IPEndPoint.TryParse(text, out var upstream))
            {
                return Error(400, "upstream must be IP:PORT");
            }
            if (!upstream.Equals(proxy.Upstream))
            {
                proxy.SetUpstream(upstream);
            }
        }
        if (body.TryGetProperty("enabled", out var enabled))
        {
            await proxy.SetEnabledAsync(enabled.GetBoolean());
        }
        return Results.Json(ProxyJson(proxy));
    }

    private static async Task<IResult> DeleteAsync(SiteNetwork network, LinkProxy proxy)
    {
        network.Proxies.TryRemove(proxy.Name, out _);
        await proxy.DisposeAsync();
        return Results.NoContent();
    }

    private static IResult AddToxic(LinkProxy proxy, JsonElement body)
    {
        var type = Text(body, "type") ?? "";
        if (!Toxic.Types.TryGetValue(type, out var known))
        {
            return Error(400, "invalid toxic type");
        }

        var stream = Text(body, "stream") is "upstream" ? StreamDirection.Upstream : StreamDirection.Downstream;
        if (Text(body, "stream") is { Length: > 0 } and not ("upstream" or "downstream"))
        {
            return Error(400, "stream was invalid, can be either upstream or downstream");
        }
        var name = Text(body, "name") is { Length: > 0 } given ? given : $"{type}_{(stream is StreamDirection.Upstream ? "upstream" : "downstream")}";
        if (proxy.Toxics.Any(t => t.Name == name))
        {
            return Error(409, "toxic already exists");
        }

        var toxic = new Toxic(name, type, stream, Number(body, "toxicity") ?? 1, Attributes(body, known, ImmutableSortedDictionary<string, double>.Empty));
        proxy.Change(toxics => toxics.Add(toxic));
        return Results.Json(ToxicJson(toxic));
    }

    private static IResult UpdateToxic(LinkProxy proxy, Toxic toxic, JsonElement body)
    {
        var changed = toxic with
        {
            Toxicity = Number(body, "toxicity") ?? toxic.Toxicity,
            Attributes = Attributes(body, Toxic.Types[toxic.Type], toxic.Attributes),
        };
        proxy.Change(toxics => [.. toxics.Select(t => t.Name == toxic.Name ? changed : t)]);
        return Results.Json(ToxicJson(changed));
    }

    private static IResult RemoveToxic(LinkProxy proxy, Toxic toxic)
    {
        proxy.Change(toxics => toxics.RemoveAll(t => t.Name == toxic.Name));
        return Results.NoContent();
    }

    private static ImmutableSortedDictionary<string, double> Attributes(JsonElement body, ImmutableArray<string> known, ImmutableSortedDictionary<string, double> start)
    {
        if (body.TryGetProperty("attributes", out var given) && given.ValueKind == JsonValueKind.Object)
        {
            foreach (var attribute in known)
            {
                start = Number(given, attribute) is { } value ? start.SetItem(attribute, value) : start;
            }
        }
        return start;
    }

    private static IResult With(SiteNetwork network, string name, Func<LinkProxy, IResult> then) =>
        network.Proxies.TryGetValue(name, out var proxy) ? then(proxy) : Error(404, "proxy not found");

    private static Task<IResult> WithAsync(SiteNetwork network, string name, Func<LinkProxy, Task<IResult>> then) =>
        network.Proxies.TryGetValue(name, out var proxy) ? then(proxy) : Task.FromResult(Error(404, "proxy not found"));

    private static IResult WithToxic(SiteNetwork network, string name, string toxic, Func<LinkProxy, Toxic, IResult> then) =>
        With(network, name, p => p.Toxics.FirstOrDefault(t => t.Name == toxic) is { } found ? then(p, found) : Error(404, "toxic not found"));

    private static object ProxyJson(LinkProxy proxy) => new
    {
        name = proxy.Name,
        listen = proxy.Listen.ToString(),
        upstream = proxy.Upstream.ToString(),
        enabled = proxy.Enabled,
        toxics = proxy.Toxics.Select(ToxicJson),
    };

    private static object ToxicJson(Toxic toxic) => new
    {
        name = toxic.Name,
        type = toxic.Type,
        stream = toxic.Stream is StreamDirection.Upstream ? "upstream" : "downstream",
        toxicity = toxic.Toxicity,
        attributes = toxic.Attributes,
    };

    private static IResult Error(int status, string error) => Results.Json(new { error, status }, statusCode: status);

    private static string? Text(JsonElement body, string name) =>
        body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static double? Number(JsonElement body, string name) =>
        body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
