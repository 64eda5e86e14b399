using Microsoft.AspNetCore.Components;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Components.Access;

/// <summary>Password, then code. Answers without a circuit: it sets a cookie.</summary>
public partial class SignIn
{
    private const string Refused = "E-mail, password or code is wrong or was used before, or the account is locked for some minutes after too many tries.";
    private string? _ticket;

    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    [Inject]
    public required Identity.SignIn Door { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [SupplyParameterFromForm]
    public SignInForm? Form { get; set; }

    [SupplyParameterFromQuery]
    public string? ReturnUrl { get; set; }

    private string? Problem { get; set; }

    /// <summary>A posted form must be there again before its handler is called.</summary>
    protected override void OnInitialized() => _ticket = Form?.Ticket;

    private async Task PasswordAsync()
    {
        if (Form is not { Email.Length: > 0 and <= 254, Password.Length: > 0 and <= 1000 } form)
            Problem = "Type e-mail and password.";
        else
            Follow(await Door.WithPasswordAsync(form.Email.Trim(), form.Password, null, HttpContext.From(), HttpContext.RequestAborted));
    }

    private async Task CodeAsync() =>
        Follow(await Door.WithCodeAsync(Form?.Ticket ?? "", Form?.Code ?? "", HttpContext.From(), HttpContext.RequestAborted));

    private void Follow(SignInOutcome outcome)
    {
        switch (outcome)
        {
            case { Verdict: SignInVerdict.CodeNeeded }:
                _ticket = outcome.Ticket;
                break;
            case { User: { } user }:
                var onward = LocalUrl.OrHome(ReturnUrl);
                Navigation.NavigateTo(user.MustChangePassword ? $"/account/password?returnUrl={Uri.EscapeDataString(onward)}" : onward);
                break;
            default:
                Problem = Refused;
                break;
        }
    }
}

public sealed class SignInForm
{
    public string? Email { get; set; }
    public string? Password { get; set; }
    public string? Ticket { get; set; }
    public string? Code { get; set; }
}
