using System.Buffers.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Identity;
using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

/// <param name="Options">for <c>navigator.credentials</c>, as JSON</param>
public sealed record PasskeyChallenge(Guid ChallengeId, JsonElement Options);

/// <param name="Credential">what <c>navigator.credentials</c> gave, as JSON</param>
public sealed record PasskeyAnswer(Guid ChallengeId, JsonElement Credential, string? Name = null);

/// <param name="Id">base64url of the credential id</param>
public sealed record PasskeyView(string Id, string Name, DateTimeOffset CreatedAt, bool Synced);

/// <summary>Passkeys: registered on the account, used to sign in and to prove presence. The authenticator verifies its user (PIN, finger, face),
/// so that one passkey is two factors.</summary>
public sealed class Passkeys(
    IPasskeyHandler<ConsoleUser> handler, PasskeyChallenges challenges, UserManager<ConsoleUser> users, IHttpContextAccessor http, IAuditLog audit)
{
    private const int MostPerUser = 10;

    public static void Configure(IdentityPasskeyOptions options)
    {
        options.UserVerificationRequirement = "required";
        options.ResidentKeyRequirement = "required";
        options.AuthenticatorTimeout = TimeSpan.FromMinutes(2);
    }

    public async Task<IReadOnlyList<PasskeyView>> ListAsync(ConsoleUser user) =>
        [.. (await users.GetPasskeysAsync(user)).OrderBy(p => p.CreatedAt).Select(p => new PasskeyView(Base64Url.EncodeToString(p.CredentialId), p.Name ?? "Passkey", p.CreatedAt, p.IsBackedUp))];

    public async Task<PasskeyChallenge> BeginRegistrationAsync(ConsoleUser user, CancellationToken cancel)
    {
        var made = await handler.MakeCreationOptionsAsync(new PasskeyUserEntity { Id = user.Id.ToString(), Name = user.Email!, DisplayName = user.DisplayName }, Http);
        return await KeepAsync(PasskeyPurpose.Register, user, made.CreationOptionsJson, made.AttestationState!, cancel);
    }

    /// <exception cref="RuleException">the answer does not fit the challenge</exception>
    public async Task<PasskeyView> RegisterAsync(ConsoleUser user, PasskeyAnswer answer, string? from, CancellationToken cancel)
    {
        if ((await users.GetPasskeysAsync(user)).Count >= MostPerUser)
            throw new RuleException("name", $"There are {MostPerUser} passkeys already; remove one first.");
        if (answer.Name is not { Length: > 0 and <= 100 } name)
            throw new RuleException("name", "Give the passkey a name of at most 100 characters, such as the device's.");
        var state = await challenges.TakeAsync(answer.ChallengeId, PasskeyPurpose.Register, user.Id, cancel) ?? throw new RuleException("challengeId", "The challenge is older than five minutes or was answered before. Begin again.");
        var result = await handler.PerformAttestationAsync(new PasskeyAttestationContext { HttpContext = Http, CredentialJson = answer.Credential.GetRawText(), AttestationState = state });
        if (!result.Succeeded)
            throw new RuleException("credential", $"The passkey was not accepted: {result.Failure.Message}");
        result.Passkey.Name = name;
        var added = await users.AddOrUpdatePasskeyAsync(user, result.Passkey);
        if (!added.Succeeded)
            throw new RuleException("credential", string.Join(" ", added.Errors.Select(e => e.Description)));
        await audit.AppendAsync(new AuditDraft(user.Email!, "account.passkeyAdd", $"user:{user.Id}", From: from, After: new { name }), cancel);
        return new PasskeyView(Base64Url.EncodeToString(result.Passkey.CredentialId), name, result.Passkey.CreatedAt, result.Passkey.IsBackedUp);
    }

    /// <returns>false: the user has no such passkey.</returns>
    public async Task<bool> RemoveAsync(ConsoleUser user, string id, string? from, CancellationToken cancel)
    {
        if (!Base64Url.IsValid(id) || await users.GetPasskeyAsync(user, Base64Url.DecodeFromChars(id)) is not { } passkey)
            return false;
        await audit.AppendAsync(new AuditDraft(user.Email!, "account.passkeyRemove", $"user:{user.Id}", From: from, Before: new { name = passkey.Name }), cancel);
        return (await users.RemovePasskeyAsync(user, passkey.CredentialId)).Succeeded;
    }

    /// <param name="user">null: whoever the authenticator says (sign-in)</param>
    public async Task<PasskeyChallenge> ChallengeAsync(ConsoleUser? user, CancellationToken cancel)
    {
        var made = await handler.MakeRequestOptionsAsync(user, Http);
        return await KeepAsync(user is null ? PasskeyPurpose.SignIn : PasskeyPurpose.Prove, user, made.RequestOptionsJson, made.AssertionState!, cancel);
    }

    /// <summary>Who signs in; null when the answer is not accepted.</summary>
    public Task<ConsoleUser?> WhoAsync(PasskeyAnswer answer, CancellationToken cancel) => AssertAsync(null, PasskeyPurpose.SignIn, answer, cancel);

    /// <param name="header">base64url of a <see cref="PasskeyAnswer"/> as JSON</param>
    public async Task<CodeVerdict> VerifyAsync(ConsoleUser user, string header, CancellationToken cancel)
    {
        if (!Base64Url.IsValid(header))
            return CodeVerdict.Wrong;
        try
        {
            return JsonSerializer.Deserialize<PasskeyAnswer>(Base64Url.DecodeFromChars(header), JsonSerializerOptions.Web) is { } answer
                && await AssertAsync(user, PasskeyPurpose.Prove, answer, cancel) is { } who && who.Id == user.Id ? CodeVerdict.Accepted : CodeVerdict.Wrong;
        }
        catch (JsonException)
        {
            return CodeVerdict.Wrong;
        }
    }

    private async Task<ConsoleUser?> AssertAsync(ConsoleUser? user, PasskeyPurpose purpose, PasskeyAnswer answer, CancellationToken cancel)
    {
        if (answer.Credential.ValueKind != JsonValueKind.Object || await challenges.TakeAsync(answer.ChallengeId, purpose, user?.Id, cancel) is not { } state)
            return null;
        var result = await handler.PerformAssertionAsync(new PasskeyAssertionContext { HttpContext = Http, CredentialJson = answer.Credential.GetRawText(), AssertionState = state });
        if (!result.Succeeded)
            return null;
        // The new signature counter: a copied authenticator shows by a counter that goes back.
        await users.AddOrUpdatePasskeyAsync(result.User, result.Passkey);
        return result.User;
    }

    private async Task<PasskeyChallenge> KeepAsync(PasskeyPurpose purpose, ConsoleUser? user, string options, string state, CancellationToken cancel) =>
        new(await challenges.KeepAsync(purpose, user?.Id, state, cancel), JsonSerializer.Deserialize<JsonElement>(options));

    private HttpContext Http => http.HttpContext ?? throw new InvalidOperationException("Passkeys need a request.");
}
