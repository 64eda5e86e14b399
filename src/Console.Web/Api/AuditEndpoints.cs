using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

public sealed record AuditEntryView(
    long Sequence, DateTimeOffset At, string Actor, string Action, string Target, string? Reason, string? From, JsonElement? Before, JsonElement? After, string Hash, string PreviousHash);

public static class AuditEndpoints
{
    public static void MapAudit(this RouteGroupBuilder api)
    {
        var audit = api.MapGroup("/audit").WithTags("Audit").RequireAuthorization(Policies.ReadAudit);
        audit.MapGet("", ReadAsync).WithSummary("Audit entries, oldest first (order=desc: newest first)").Produces<Page<AuditEntryView>>();
        audit.MapGet("/verify", VerifyAsync).WithSummary("Check the whole chain against its hashes and checkpoints");
        audit.MapGet("/export", ExportAsync).WithSummary("The chain as JSON lines, one hashed row a line, for an offline verifier");
    }

    private static async Task<IResult> ReadAsync(
        long? after, long? before, string? cursor, string? action, string? actor, string? target, DateTimeOffset? from, DateTimeOffset? to, string? order, int? limit,
        HttpContext context, IAuditReader reader, AuditAccess access, CancellationToken cancel)
    {
        var check = new Check();
        var size = check.Range("limit", limit ?? 100, 1, 1000);
        check.That(order is null or "asc" or "desc", "order", "Use asc or desc.");
        long position = 0;
        check.That(cursor is null || long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out position), "cursor", "Give back nextCursor as it was.");
        if (check.Problem() is { } problem)
            return problem;
        await access.RecordAsync(context, "audit.read", cancel);
        var newestFirst = order == "desc" || before is not null;
        var entries = await reader.ReadAsync(new AuditQuery(
            newestFirst ? null : cursor is null ? after ?? 0 : position, newestFirst ? cursor is null ? before ?? long.MaxValue : position : null,
            action, actor, target, from, to, size), cancel);
        var next = entries.Count == size ? entries[^1].Sequence.ToString(CultureInfo.InvariantCulture) : null;
        return TypedResults.Ok(new Page<AuditEntryView>([.. entries.Select(View)], next));
    }

    private static async Task<ChainReport> VerifyAsync(HttpContext context, IAuditReader reader, AuditAccess access, CancellationToken cancel)
    {
        await access.RecordAsync(context, "audit.verify", cancel);
        return await reader.VerifyAsync(cancel);
    }

    private static async Task ExportAsync(HttpContext context, IAuditReader reader, AuditAccess access, CancellationToken cancel)
    {
        await access.RecordAsync(context, "audit.export", cancel);
        context.Response.ContentType = "application/x-ndjson";
        context.Response.Headers.ContentDisposition = "attachment; filename=\"audit.ndjson\"";
        await using var writer = new StreamWriter(context.Response.Body);
        await foreach (var row in reader.RowsAsync(1, cancel))
        {
            cancel.ThrowIfCancellationRequested();
            await writer.WriteLineAsync($$"""{"sequence":{{row.Sequence}},"previousHash":"{{Convert.ToHexStringLower(row.PreviousHash)}}","hash":"{{Convert.ToHexStringLower(row.Hash)}}","entry":{{AuditChain.CanonicalEntry(row)}}}""");
        }
    }

    private static AuditEntryView View(AuditEntry e) => new(
        e.Sequence, e.At, e.Actor, e.Action, e.Target, e.Reason, e.From, Json(e.Before), Json(e.After), e.Hash, e.PreviousHash);

    /// <summary>Altered rows may hold anything; then the text is shown as it is.</summary>
    private static JsonElement? Json(string? text)
    {
        if (text is null)
            return null;
        try
        {
            return JsonSerializer.Deserialize<JsonElement>(text);
        }
        catch (JsonException)
        {
            return JsonSerializer.SerializeToElement(text);
        }
    }
}

/// <summary>Looking at the audit log is itself an entry: each export and verification, and a reader's first look in ten minutes.</summary>
public sealed class AuditAccess(IAuditLog audit, TimeProvider clock)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(10);
    private readonly ConcurrentDictionary<Guid, DateTimeOffset> looked = [];

    public Task RecordAsync(HttpContext context, string action, CancellationToken cancel) =>
        RecordAsync(context.User.UserId(), context.User.Email(), context.From(), action, cancel);

    public async Task RecordAsync(Guid user, string email, string? from, string action, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (action == "audit.read" && looked.TryGetValue(user, out var last) && now - last < Quiet)
            return;
        await audit.AppendAsync(new AuditDraft(email, action, "audit", From: from), cancel);
        if (action == "audit.read")
            looked[user] = now;
    }
}
