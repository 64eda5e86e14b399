using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

/// <summary>How a dangerous call is made: the session is validated again, the second factor that came with it is checked, and what the engine
/// refuses is told in the words of the API.</summary>
public sealed class Acting(People people, StepUp stepUp, RefusedTries refusals)
{
    /// <summary>Acts as the caller.</summary>
    public async Task<IResult> AsAsync(HttpContext context, Func<Person, Task<IResult>> act)
    {
        var (proof, refused) = await stepUp.ProveAsync(context, context.RequestAborted);
        if (await people.FindAsync(context.User, context.From(), proof, context.RequestAborted) is not { } person)
            return Problems.Result(401, "Not signed in", "The session has ended, or the account is disabled. Sign in again.");
        try
        {
            return await act(person);
        }
        catch (StepUpRequiredException)
        {
            // A repeated call comes with a used code, and need not prove itself again; so a refused proof counts only where one is needed.
            return await stepUp.RefuseAsync(context, refused);
        }
        catch (RefusalException refusal) when (Rule(refusal) is { } rule)
        {
            if (!refusal.OnRecord)
                await refusals.RecordAsync(context, rule, refusal.Message);
            return Problem(refusal)!;
        }
        catch (Exception exception) when (Problem(exception) is { } problem)
        {
            return problem;
        }
    }

    /// <summary>Rules that nobody runs into by mistake.</summary>
    private static string? Rule(RefusalException refusal) => refusal switch
    {
        NotAllowedException => RefusedTries.Role,
        RequestRefusedException { Rule: "selfApproval" or "sameIdentity" } rule => rule.Rule,
        _ => null,
    };

    private static IResult? Problem(Exception exception) => exception switch
    {
        BlockedException blocked => Blocked(blocked.BlockedBy, blocked.Message),
        RequestRefusedException { Rule: "planChanged" } changed => Problems.Result(422, "The plan has changed", changed.Message,
            ("rule", changed.Rule), ("changes", changed.Changes), ("errors", Errors("planHash", changed.Message))),
        RequestRefusedException refused => Problems.Result(422, "Refused by a rule", refused.Message,
            ("rule", refused.Rule), ("errors", Errors(refused.Rule, refused.Message)), ("checks", refused.Checks)),
        BackupEngineException engine => Problems.Result(422, "The backup tool cannot do it now", engine.Message, ("rule", "engine"), ("errors", Errors("engine", engine.Message))),
        NotAllowedException notAllowed => Problems.Result(403, "Not allowed", $"{notAllowed.Message} Ask an administrator for the role that has it."),
        OperationNotFoundException or ApprovalNotFoundException or ReviewNotFoundException => Problems.Result(404, "Not found", exception.Message),
        _ => null,
    };

    public static IResult Blocked(Guid by, string detail, IEnumerable<PreflightCheck>? checks = null) =>
        Problems.Result(409, "Blocked by another operation", detail, ("blockedBy", by), ("checks", checks ?? []));

    private static Dictionary<string, string[]> Errors(string field, string message) => new() { [field] = [message] };
}
