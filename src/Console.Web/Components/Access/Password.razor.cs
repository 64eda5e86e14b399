using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Components.Access;

/// <summary>Changing one's password, forced after a one-time password. Answers without a circuit: it renews the cookie.</summary>
public partial class Password
{
    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    [Inject]
    public required Accounts Accounts { get; set; }

    [Inject]
    public required UserManager<ConsoleUser> Users { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [SupplyParameterFromForm]
    public PasswordForm? Form { get; set; }

    [SupplyParameterFromQuery]
    public string? ReturnUrl { get; set; }

    private string? Problem { get; set; }

    private bool Forced => HttpContext.User.HasClaim(c => c.Type == Caller.MustChangePassword);

    private async Task ChangeAsync()
    {
        var user = await Users.FindByIdAsync(HttpContext.User.UserId().ToString());
        if (user is null || Form is not { Current: { } current, New: { } replacement })
            Problem = "Type the current password and the new one.";
        else if (replacement != Form.Again)
            Problem = "The two new passwords differ.";
        else if (await TryAsync(user, current, replacement))
            Navigation.NavigateTo(ReturnUrl is null ? "/account" : LocalUrl.OrHome(ReturnUrl));
    }

    private async Task<bool> TryAsync(ConsoleUser user, string current, string replacement)
    {
        try
        {
            await Accounts.ChangePasswordAsync(user, current, replacement, HttpContext.From(), HttpContext.RequestAborted);
            return true;
        }
        catch (RuleException rule)
        {
            Problem = rule.Sentence;
            return false;
        }
    }
}

public sealed class PasswordForm
{
    public string? Current { get; set; }
    public string? New { get; set; }
    public string? Again { get; set; }
}
