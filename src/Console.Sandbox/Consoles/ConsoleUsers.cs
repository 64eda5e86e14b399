using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OpsConsole.Sandbox.Layout;
using OtpNet;

namespace OpsConsole.Sandbox.Consoles;

/// <summary>One entry of <c>credentials.json</c>.</summary>
/// <param name="OneTimePassword">Until the first sign-in; not in that file.</param>
public sealed record Credential(string Email, string Password, string? TotpSecret, string? ApiToken, string[] Roles, string? OneTimePassword = null);

/// <summary>Makes the sandbox's people with the console's own API, as an administrator would: from the one-time password that the
/// console prints at its first start. Each step is kept before the next, so that an interrupted start goes on where it was.</summary>
public sealed partial class ConsoleUsers(SandboxPaths paths, SecretStore secrets, TimeProvider time, Action<string> say)
{
    private const int TokenDays = 90;
    private const int CodeSeconds = 30;
    private const string Progress = "users.json";
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private static readonly (string Name, string Role)[] People =
    [
        ("viewer", "viewer"), ("manager", "manager"), ("operator", "operator"), ("approver1", "approver"), ("approver2", "approver"), ("auditor", "auditor"),
    ];

    /// <param name="url">Of a console that is up.</param>
    /// <param name="logs">Standard output of each: one of them made the first administrator.</param>
    public async Task EnsureAsync(string url, IReadOnlyList<string> logs, CancellationToken cancel)
    {
        var known = Load();
        if (known.Count == People.Length + 1 && known.All(c => c.ApiToken is not null))
        {
            Publish(known);
            return;
        }

        say("Making the users: viewer, manager, operator, two approvers, administrator, auditor.");
        var administrator = known.FirstOrDefault(c => c.Email == FleetFile.FirstAdministrator)
            ?? Keep(known, new Credential(FleetFile.FirstAdministrator, SecretStore.NewPassword(), null, null, ["administrator"]));
        using var session = new ConsoleClient(url);
        administrator = await EnrolAsync(session, known, administrator, logs.Select(FirstPassword).FirstOrDefault(p => p is not null), cancel);
        // All are made before any of them signs in: until then the console asks the administrator for no second factor.
        foreach (var (name, role) in People)
        {
            var email = $"{name}@opsconsole.local";
            var credential = known.FirstOrDefault(c => c.Email == email) ?? Keep(known, new Credential(email, SecretStore.NewPassword(), null, null, [role]));
            if (credential is { ApiToken: null, OneTimePassword: null })
                Keep(known, credential with { OneTimePassword = await OneTimePasswordAsync(session, administrator, name, role, email, cancel) });
        }
        foreach (var credential in known.Where(c => c.ApiToken is null).ToList())
        {
            using var own = new ConsoleClient(url);
            await EnrolAsync(own, known, credential, credential.OneTimePassword, cancel);
        }
        Publish(known);
    }

    // Signs in with the one-time password, chooses a password, enrols the second factor, makes a token.
    private async Task<Credential> EnrolAsync(ConsoleClient session, List<Credential> known, Credential person, string? oneTime, CancellationToken cancel)
    {
        if (oneTime is not null && await session.SignInAsync(person.Email, oneTime, null, cancel))
        {
            await session.CallAsync(HttpMethod.Put, "me/password", new JsonObject { ["currentPassword"] = oneTime, ["newPassword"] = person.Password }, cancel);
        }
        else if (!await session.SignInAsync(person.Email, person.Password, null, cancel)
            && !(person.TotpSecret is not null && await session.SignInAsync(person.Email, person.Password, Code(person.TotpSecret, 0), cancel)))
        {
            throw new SandboxException($"{person.Email} cannot sign in. Remove {paths.Root} to begin anew, or reset the user in the console.");
        }

        if (person.TotpSecret is null)
        {
            var secret = (string)(await session.CallAsync(HttpMethod.Post, "me/totp", null, cancel))["secret"]!;
            await ConfirmAsync(session, secret, cancel);
            person = Keep(known, person with { TotpSecret = secret });
        }
        if (person.ApiToken is null)
        {
            var token = await session.CallAsync(HttpMethod.Post, "me/tokens", new JsonObject { ["name"] = "sandbox", ["expiresInDays"] = TokenDays }, cancel);
            person = Keep(known, person with { ApiToken = (string)token["token"]! });
        }
        return person;
    }

    // The code before the present one: each code counts once, and the present one shall stay of use to whoever reads the file. On a busy machine it may have
    // become the one before that, on the way: then it is refused, and the next one is in time.
    private async Task ConfirmAsync(ConsoleClient session, string secret, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await session.CallAsync(HttpMethod.Post, "me/totp/confirm", new JsonObject { ["code"] = Code(secret, -CodeSeconds) }, cancel);
                return;
            }
            catch (SandboxException) when (attempt < 3)
            {
                say("A code came too late; the next one is tried.");
            }
        }
    }

    private async Task<string> OneTimePasswordAsync(ConsoleClient session, Credential administrator, string name, string role, string email, CancellationToken cancel)
    {
        var users = (await session.CallAsync(HttpMethod.Get, "users", null, cancel))["items"]!.AsArray();
        var existing = users.FirstOrDefault(u => (string?)u!["email"] == email);
        var answer = existing is null
            ? await session.CallAsync(HttpMethod.Post, "users", new JsonObject { ["email"] = email, ["displayName"] = name, ["roles"] = new JsonArray(role) }, cancel)
            : await ResetAsync(session, administrator, (string)existing["id"]!, cancel);
        return (string)answer["oneTimePassword"]!;
    }

    // Signing in took the present code, and each counts once: the next one is in time, too, and after half a minute the one after that.
    private async Task<JsonNode> ResetAsync(ConsoleClient session, Credential administrator, string id, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var body = new JsonObject { ["reason"] = "the sandbox's first start was interrupted" };
                return await session.CallAsync(HttpMethod.Post, $"users/{id}/reset", body, cancel, Code(administrator.TotpSecret!, CodeSeconds));
            }
            catch (SandboxException) when (attempt < 3)
            {
                await Task.Delay(TimeSpan.FromSeconds(CodeSeconds), time, cancel);
            }
        }
    }

    private string Code(string secret, int secondsFromNow) =>
        new Totp(Base32Encoding.ToBytes(secret)).ComputeTotp(time.GetUtcNow().UtcDateTime.AddSeconds(secondsFromNow));

    private static string? FirstPassword(string log) =>
        File.Exists(log) && FirstAdministratorLine().Matches(File.ReadAllText(log)).LastOrDefault() is { } match ? match.Groups[1].Value : null;

    [GeneratedRegex(@"^OpsConsole first administrator: \S+ one-time password: (\S+)\r?$", RegexOptions.Multiline)]
    private static partial Regex FirstAdministratorLine();

    private List<Credential> Load() =>
        File.Exists(secrets.PathOf(Progress)) ? JsonSerializer.Deserialize<List<Credential>>(secrets.Get(Progress), Json)! : [];

    private Credential Keep(List<Credential> known, Credential credential)
    {
        known.RemoveAll(c => c.Email == credential.Email);
        known.Add(credential);
        secrets.Put(Progress, JsonSerializer.Serialize(known, Json));
        return credential;
    }

    private void Publish(List<Credential> known) => AtomicFile.WriteJson(
        paths.CredentialsFile,
        known.Select(c => new { email = c.Email, password = c.Password, totpSecret = c.TotpSecret, apiToken = c.ApiToken, roles = c.Roles }));
}
