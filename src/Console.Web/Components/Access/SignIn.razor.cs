using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.Options;
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

    /// <summary>What kept the single sign-on from signing in.</summary>
    [SupplyParameterFromQuery(Name = "problem")]
    public string? Reported { get; set; }

    [Inject]
    public required IOptions<OidcOptions> Oidc { get; set; }

    private string? Problem { get; set; }

    private string Onward => LocalUrl.OrHome(ReturnUrl);

    /// <summary>A posted form must be there again before its handler is called.</summary>
    protected override void OnInitialized() => (_ticket, Problem) = (Form?.Ticket, Form is null ? Explain(Reported) : null);

    private static string? Explain(string? problem) => problem switch
    {
        null => null,
        "linkFirst" => "There is an account with your mail address already. Sign in with its password, then link the single sign-on on the account page.",
        "noRole" => "The single sign-on knows you, but none of your groups has a role here. Ask an administrator.",
        "unknown" => "The single sign-on knows you, but there is no account for you here. Ask an administrator.",
        "refused" => "The account is disabled or locked. Ask an administrator.",
        _ => "The single sign-on failed or was cancelled. Try again, or sign in with your password.",
    };

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
                Navigation.NavigateTo(user.MustChangePassword ? $"/account/password?returnUrl={Uri.EscapeDataString(Onward)}" : Onward);
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
