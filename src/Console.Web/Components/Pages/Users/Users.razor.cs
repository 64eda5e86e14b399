using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Components.Pages.Users;

/// <summary>Forms without a circuit: each change is one request with its caller's address, and works before any script has loaded.</summary>
public partial class Users
{
    private IReadOnlyList<UserView> _users = [];
    private IReadOnlyList<TokenView> _tokens = [];
    private (string Email, string Value)? _password;
    private bool _mustProve, _hasPasskey;

    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    [Inject]
    public required UserDirectory Directory { get; set; }

    [Inject]
    public required UserManager<ConsoleUser> Everybody { get; set; }

    [Inject]
    public required People People { get; set; }

    [Inject]
    public required RefusedTries Refusals { get; set; }

    [Inject]
    public required Presence Presence { get; set; }

    [Inject]
    public required Passkeys Passkeys { get; set; }

    [Inject]
    public required TokenLedger Tokens { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [SupplyParameterFromForm]
    public UsersForm? Form { get; set; }

    private string? Problem { get; set; }

    protected override Task OnInitializedAsync() => LoadAsync();

    private async Task LoadAsync()
    {
        _users = await Directory.ListAsync(HttpContext.RequestAborted);
        _mustProve = !await Directory.IsFirstSetUpAsync(HttpContext.User.UserId(), HttpContext.RequestAborted);
        _hasPasskey = await Everybody.FindByIdAsync(HttpContext.User.UserId().ToString()) is { } me && (await Passkeys.ListAsync(me)).Count > 0;
        var now = Clock.GetUtcNow();
        _tokens = [.. (await Tokens.ListAsync(null, HttpContext.RequestAborted)).Where(t => t.RevokedAt is null && t.ExpiresAt > now)];
    }

    private static IEnumerable<string> StateOf(UserView user)
    {
        if (user.Disabled)
            yield return "disabled";
        if (user.LockedUntil is not null)
            yield return "locked";
        if (user.MustChangePassword)
            yield return "one-time password";
        yield return user.TotpEnabled ? "second factor" : "no second factor";
    }

    private Task CreateAsync() => DoAsync(async act =>
    {
        var (user, password) = await Directory.CreateAsync(Form?.Email?.Trim(), Form?.DisplayName, ChosenRoles(), act, HttpContext.RequestAborted);
        _password = (user.Email, password);
    });

    private Task ChangeAsync(Guid id) => DoAsync(async act =>
    {
        switch (Form?.Action)
        {
            case "roles":
                await Directory.SetRolesAsync(id, ChosenRoles(), act, HttpContext.RequestAborted);
                break;
            case "unlock":
                await Directory.UnlockAsync(id, act, HttpContext.RequestAborted);
                break;
            case "disable" or "enable":
                await Directory.SetDisabledAsync(id, Form.Action == "disable", act, HttpContext.RequestAborted);
                break;
            case "reset":
                var (user, password) = await Directory.ResetAsync(id, act, HttpContext.RequestAborted);
                _password = (user.Email, password);
                break;
            default:
                throw new RuleException("", "Choose what to change.");
        }
    });

    private Task RevokeAsync(Guid id) => DoAsync(act => Tokens.RevokeAsync(id, null, act.By, act.From, HttpContext.RequestAborted));

    private async Task DoAsync(Func<AdminAct, Task> change)
    {
        var reason = string.IsNullOrWhiteSpace(Form?.Reason) ? null : Form.Reason.Trim();
        try
        {
            var proof = await ProveAsync();
            var person = await People.FindAsync(HttpContext.User, HttpContext.From(), proof, HttpContext.RequestAborted)
                ?? throw new RuleException("", "The session has ended, or the account is disabled. Sign in again.");
            await change(AdminAct.Of(person, reason));
            await LoadAsync();
        }
        catch (RuleException rule)
        {
            Problem = rule.Sentence;
        }
        catch (StepUpRequiredException)
        {
            await Refusals.RecordAsync(HttpContext, RefusedTries.StepUp);
            Problem = "This needs a second factor: type the code of your authenticator app, or use a passkey. Without either, enrol one on your account page first.";
        }
    }

    private async Task<StepUpProof?> ProveAsync()
    {
        var (code, assertion) = (Form?.Code?.Trim() ?? "", Form?.Passkey ?? "");
        if (code.Length + assertion.Length == 0 || await Everybody.FindByIdAsync(HttpContext.User.UserId().ToString()) is not { } me)
            return null;
        switch (await Presence.ProveAsync(me, code, assertion, "/users", HttpContext.From(), HttpContext.RequestAborted))
        {
            case CodeVerdict.Accepted:
                return new StepUpProof(code.Length > 0 ? "totp" : "passkey", Clock.GetUtcNow());
            case CodeVerdict.Used:
                await Refusals.RecordAsync(HttpContext, RefusedTries.CodeUsed);
                throw new RuleException("", "This code was used before; wait for the next one.");
            case CodeVerdict.Locked:
                throw new RuleException("", "The account is locked after too many wrong codes; wait, or ask another administrator.");
            default:
                throw new RuleException("", "The code or the passkey was not accepted; type the current six digits.");
        }
    }

    private List<string> ChosenRoles() => [.. HttpContext.Request.Form["roles"].OfType<string>()];
}

public sealed class UsersForm
{
    public string? Email { get; set; }
    public string? DisplayName { get; set; }
    public string? Reason { get; set; }
    public string? Action { get; set; }
    public string? Code { get; set; }
    /// <summary>base64url of a passkey's assertion</summary>
    public string? Passkey { get; set; }
}
