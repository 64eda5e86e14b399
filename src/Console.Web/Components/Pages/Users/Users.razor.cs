using Microsoft.AspNetCore.Components;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Components.Pages.Users;

/// <summary>Forms without a circuit: each change is one request with its caller's address, and works before any script has loaded.</summary>
public partial class Users
{
    private IReadOnlyList<UserView> _users = [];
    private IReadOnlyList<TokenView> _tokens = [];
    private (string Email, string Value)? _password;

    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    [Inject]
    public required UserDirectory Directory { get; set; }

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
            await change(new AdminAct(HttpContext.User.UserId(), HttpContext.User.Email(), HttpContext.From(), reason));
            await LoadAsync();
        }
        catch (RuleException rule)
        {
            Problem = rule.Sentence;
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
}
