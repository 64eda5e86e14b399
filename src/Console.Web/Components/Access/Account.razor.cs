using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Components.Access;

/// <summary>Second factor and API tokens of the person who is signed in.</summary>
public partial class Account
{
    private ConsoleUser? _user;
    private IReadOnlyList<TokenView> _tokens = [];
    private IReadOnlyList<PasskeyView> _passkeys = [];
    private IReadOnlyList<UserLoginInfo> _links = [];
    private (string Secret, string Uri)? _enrolment;
    private string? _token;

    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    [Inject]
    public required UserManager<ConsoleUser> Users { get; set; }

    [Inject]
    public required SecondFactor SecondFactor { get; set; }

    [Inject]
    public required Presence Presence { get; set; }

    [Inject]
    public required TokenLedger Tokens { get; set; }

    [Inject]
    public required Passkeys Passkeys { get; set; }

    [Inject]
    public required IOptions<OidcOptions> Oidc { get; set; }

    /// <summary>What kept an identity from being linked.</summary>
    [SupplyParameterFromQuery(Name = "problem")]
    public string? Reported { get; set; }

    [SupplyParameterFromForm]
    public AccountForm? Form { get; set; }

    private string? Problem { get; set; }

    /// <summary>An attribute, or none.</summary>
    private string? PasskeyOnly => _passkeys.Count > 0 && _user?.TwoFactorEnabled != true ? "" : null;

    protected override async Task OnInitializedAsync()
    {
        _user = await Users.FindByIdAsync(HttpContext.User.UserId().ToString());
        await LoadAsync();
        // A posted form must be there again before its handler is called.
        if (_user is not null && Form?.Secret is { Length: > 0 } secret)
            _enrolment = (secret, Totp.Uri(_user.Email!, secret));
    }

    private async Task LoadAsync()
    {
        _tokens = await Tokens.ListAsync(HttpContext.User.UserId(), HttpContext.RequestAborted);
        if (_user is not null) (_passkeys, _links) = (await Passkeys.ListAsync(_user), [.. await Users.GetLoginsAsync(_user)]);
    }

    private async Task EnrolAsync()
    {
        if (_user is null)
            return;
        if (await Presence.IsEnrolledAsync(_user) && await Presence.ProveAsync(_user, Form?.Code ?? "", "", "/account", HttpContext.From(), HttpContext.RequestAborted) is not CodeVerdict.Accepted)
            Problem = "The code of the present app is wrong or was used before. Without the app, ask an administrator to reset your account.";
        else
            _enrolment = await SecondFactor.BeginAsync(_user, HttpContext.RequestAborted);
    }

    /// <summary>A passkey was used in the browser, and the API has given the secret: it is in the form.</summary>
    private static void Enrolled()
    {
    }

    private async Task ConfirmAsync()
    {
        if (_user is null)
            return;
        Problem = await SecondFactor.ConfirmAsync(_user, Form?.Code ?? "", HttpContext.From(), HttpContext.RequestAborted) switch
        {
            CodeVerdict.Accepted => null,
            CodeVerdict.Used => "This code was used before; wait for the next one.",
            _ => "This code does not match; check that the phone's clock is right and type the current six digits.",
        };
        if (Problem is null)
            _enrolment = null;
    }

    private async Task CreateTokenAsync()
    {
        try
        {
            var (_, token) = await Tokens.CreateAsync(HttpContext.User.UserId(), HttpContext.User.Email(), Form?.Name, Form?.Days, [Form?.Scope ?? TokenScopes.Read], HttpContext.From(), HttpContext.RequestAborted);
            _token = token;
            await LoadAsync();
        }
        catch (RuleException rule)
        {
            Problem = rule.Sentence;
        }
    }

    private async Task RevokeAsync(Guid id)
    {
        await Tokens.RevokeAsync(id, HttpContext.User.UserId(), HttpContext.User.Email(), HttpContext.From(), HttpContext.RequestAborted);
        await LoadAsync();
    }
}

public sealed class AccountForm
{
    public string? Code { get; set; }
    public string? Secret { get; set; }
    public string? Name { get; set; }
    public string? Scope { get; set; }
    public int? Days { get; set; }
}
