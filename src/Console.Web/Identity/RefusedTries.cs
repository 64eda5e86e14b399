using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

/// <summary>A refused try of something dangerous is on record as <c>call.refused</c>, with the rule. People hear of it, but not of a
/// missing second factor, with which an ordinary call begins, nor of a token's scope.</summary>
public sealed class RefusedTries(IAuditLog audit)
{
    public const string Action = "call.refused";
    public const string StepUp = "stepUpRequired";
    public const string CodeUsed = "codeUsed";
    public const string Role = "role";
    public const string Scope = "scope";

    public Task RecordAsync(HttpContext context, string rule, string? why = null) =>
        audit.AppendAsync(new AuditDraft(context.User.Email(), Action, $"{context.Request.Method} {context.Request.Path}", why, context.From(), After: new { rule }), context.RequestAborted);
}
