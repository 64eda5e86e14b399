using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

/// <summary>For POSTs that start something: with an <c>Idempotency-Key</c>, the first answer is kept for 24 h and given again when the same
/// request is repeated, on any node. While the first is at work the repetition gets 409; the same key for another request gets 422.
/// Not for endpoints that answer with a secret.</summary>
public sealed class Idempotency(IDbContextFactory<IdentityDb> factory, TimeProvider clock) : IEndpointFilter
{
    public const string Header = "Idempotency-Key";
    public const string Replayed = "Idempotency-Replayed";
    private const int LongestKey = 200;
    private static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var key = http.Request.Headers[Header].ToString();
        if (key.Length == 0)
            return await next(context);
        if (key.Length > LongestKey)
            return Problems.Result(400, "The idempotency key is too long", $"Use at most {LongestKey} characters, such as a UUID.");

        var cancel = http.RequestAborted;
        var user = http.User.UserId();
        var request = await DigestAsync(http.Request, cancel);
        await using var db = await factory.CreateDbContextAsync(cancel);
        var now = clock.GetUtcNow();
        await db.IdempotentAnswers.Where(a => a.CreatedAt < now - Kept).ExecuteDeleteAsync(cancel);
        var mine = await db.Database.ExecuteSqlAsync($"""
            INSERT INTO identity.idempotent_answer ("UserId", "Key", "Request", "CreatedAt") VALUES ({user}, {key}, {request}, {now}) ON CONFLICT DO NOTHING
            """, cancel) == 1;
        return mine ? await FirstAsync(db, user, key, await RunAsync(context, next, db, user, key), http) : await AgainAsync(db, user, key, request, http, cancel);
    }

    private static async Task<object?> RunAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next, IdentityDb db, Guid user, string key)
    {
        try
        {
            return await next(context);
        }
        catch
        {
            // Nothing was answered, so nothing may be repeated: the caller may try again with the same key.
            await db.IdempotentAnswers.Where(a => a.UserId == user && a.Key == key).ExecuteDeleteAsync(CancellationToken.None);
            throw;
        }
    }

    private static async Task<object?> FirstAsync(IdentityDb db, Guid user, string key, object? result, HttpContext http)
    {
        var body = http.Response.Body;
        using var buffer = new MemoryStream();
        http.Response.Body = buffer;
        try
        {
            await (result as IResult ?? TypedResults.Json(result, WireJson.Options)).ExecuteAsync(http);
        }
        finally
        {
            http.Response.Body = body;
        }
        var (status, type, location, bytes) = (http.Response.StatusCode, http.Response.ContentType, http.Response.Headers.Location.ToString(), buffer.ToArray());
        if (status < 500)
            await db.IdempotentAnswers.Where(a => a.UserId == user && a.Key == key).ExecuteUpdateAsync(a => a
                .SetProperty(x => x.Status, status).SetProperty(x => x.ContentType, type).SetProperty(x => x.Location, location).SetProperty(x => x.Body, bytes), CancellationToken.None);
        else
            await db.IdempotentAnswers.Where(a => a.UserId == user && a.Key == key).ExecuteDeleteAsync(CancellationToken.None);
        await body.WriteAsync(bytes, http.RequestAborted);
        return Results.Empty;
    }

    private static async Task<object?> AgainAsync(IdentityDb db, Guid user, string key, byte[] request, HttpContext http, CancellationToken cancel)
    {
        var answer = await db.IdempotentAnswers.AsNoTracking().FirstOrDefaultAsync(a => a.UserId == user && a.Key == key, cancel);
        if (answer is not null && !answer.Request.AsSpan().SequenceEqual(request))
            return Problems.Result(422, "The idempotency key was used for another request", "Use a new key for each different request.");
        if (answer?.Status is not { } status)
        {
            http.Response.Headers.RetryAfter = "1";
            return Problems.Result(409, "The same request is at work", "Ask again in a moment with the same key. If this stays so, the console ended before it answered: look whether the operation exists.");
        }
        http.Response.StatusCode = status;
        http.Response.ContentType = answer.ContentType;
        http.Response.Headers[Replayed] = "true";
        if (answer.Location is { Length: > 0 } location)
            http.Response.Headers.Location = location;
        await http.Response.Body.WriteAsync(answer.Body ?? [], cancel);
        return Results.Empty;
    }

    private static async Task<byte[]> DigestAsync(HttpRequest request, CancellationToken cancel)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(System.Text.Encoding.UTF8.GetBytes($"{request.Method} {request.Path}{request.QueryString}\n"));
        if (request.Body.CanSeek) // buffered by the pipeline because of the header
        {
            request.Body.Position = 0;
            using var copy = new MemoryStream();
            await request.Body.CopyToAsync(copy, cancel);
            sha.AppendData(copy.GetBuffer().AsSpan(0, (int)copy.Length));
            request.Body.Position = 0;
        }
        return sha.GetHashAndReset();
    }
}

public static class IdempotencyExtensions
{
    /// <summary>Marks a POST that starts something.</summary>
    public static TBuilder Idempotent<TBuilder>(this TBuilder endpoint) where TBuilder : IEndpointConventionBuilder =>
        endpoint.AddEndpointFilter<TBuilder, Idempotency>();
}
