using System.Net.Http.Json;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Approvals;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Tests.Trust;

/// <summary>One human being with several accounts decides as one; and whoever tries it is on record.</summary>
[Collection(TrustCollection.Name)]
public sealed class SamePersonTests(ConsoleUnderTest console)
{
    private const string Issuer = "https://issuer.example";

    private async Task WithUserAsync(TestPerson person, Func<UserManager<ConsoleUser>, ConsoleUser, Task<IdentityResult>> change)
    {
        await using var scope = console.Services.CreateAsyncScope();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<ConsoleUser>>();
        Assert.True((await change(users, (await users.FindByIdAsync(person.Id.ToString()))!)).Succeeded);
    }

    private Task LinkAsync(TestPerson person, string subject, string mail) =>
        WithUserAsync(person, (users, user) => users.AddLoginAsync(user, new UserLoginInfo(Issuer, subject, mail)));

    private static Task<Reply> ApproveAsync(TestPerson person, string approval, string hash, string? code = null) =>
        person.PostAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash, comment = "looked at it" }, code);

    /// <summary>Rules under which a person's calls were refused, oldest first.</summary>
    private async Task<List<string>> RefusedAsync(TestPerson person)
    {
        var auditor = await console.PersonAsync(Roles.Auditor);
        var entries = (await auditor.GetAsync($"/api/v1/audit?action=call.refused&actor={person.Email}")).Is(200).Body["items"]!.AsArray();
        return [.. entries.OrderBy(e => (long)e!["sequence"]!).Select(e => e!["after"]!["rule"]!.ToString())];
    }

    [Fact]
    public async Task Approve_AfterUnlinkingTheSharedIdentity_IsStillRefused()
    {
        var (asker, alias) = (await console.PersonAsync(Roles.Operator), await console.PersonAsync(Roles.Approver));
        var subject = Guid.NewGuid().ToString();
        await LinkAsync(alias, subject, asker.Email.ToUpperInvariant());
        var (_, approval, hash) = await Asking.SubmitAsync(asker, "gradual");

        using var unlink = new HttpRequestMessage(HttpMethod.Delete, $"/api/v1/me/links?issuer={Uri.EscapeDataString(Issuer)}&subject={subject}");
        unlink.Headers.Add("X-Totp", alias.Code());
        (await Reply.ReadAsync(await alias.Api.SendAsync(unlink))).Is(204);

        Assert.Equal("selfApproval", (await ApproveAsync(alias, approval!, hash)).Is(422)["rule"]);
    }

    [Fact]
    public async Task Review_OtherAccountOfTheSamePerson_IsRefusedAndOnRecord()
    {
        var (asker, alias, other) = (await console.PersonAsync(Roles.Operator), await console.PersonAsync(Roles.Approver), await console.PersonAsync(Roles.Approver));
        await LinkAsync(alias, Guid.NewGuid().ToString(), asker.Email);
        var call = Asking.Call("blueGreen", 1, await Asking.HashAsync(asker, "blueGreen", 1), breakGlass: new { reason = "nobody answers" });
        var operation = (await asker.PostAsync("/api/v1/failovers", call, asker.Code())).Is(202)["operationId"]!;
        await Asking.EndsAsync(asker, operation, "succeeded");
        var owed = (await asker.GetAsync("/api/v1/reviews")).Body["items"]!.AsArray().Single(r => r!["operationId"]!.ToString() == operation)!["id"]!.ToString();

        Assert.Equal("selfApproval", (await alias.PostAsync($"/api/v1/reviews/{owed}/complete", new { notes = "fine" })).Is(422)["rule"]);
        Assert.Equal(["selfApproval"], await RefusedAsync(alias));
        (await other.PostAsync($"/api/v1/reviews/{owed}/complete", new { notes = "right under the circumstances" })).Is(200);
    }

    [Fact]
    public async Task Approve_ByAnAccountThatTheAskerMadeOrReset_IsRefusedForADay()
    {
        var (administrator, known) = (await console.PersonAsync(Roles.Administrator), await console.PersonAsync(Roles.Approver));
        await WithUserAsync(known, (users, user) =>
        {
            user.LastSignInAt = TimeProvider.System.GetUtcNow(); // others work here already
            return users.UpdateAsync(user);
        });
        var mail = $"n{Guid.NewGuid():N}@example.org";
        var made = (await administrator.PostAsync("/api/v1/users", new { email = mail, roles = new[] { Roles.Approver } }, administrator.Code())).Is(201);
        using var puppet = console.CreateClient();
        puppet.DefaultRequestHeaders.Add("X-OpsConsole", "1");
        (await Reply.ReadAsync(await puppet.PostAsJsonAsync("/api/v1/session", new { email = mail, password = made["oneTimePassword"] }))).Is(200);
        (await Reply.ReadAsync(await puppet.PutAsJsonAsync("/api/v1/me/password", new { currentPassword = made["oneTimePassword"], newPassword = TestPerson.Password }))).Is(204);

        var (_, approval, hash) = await Asking.SubmitAsync(administrator, "gradual");
        Assert.Equal("selfApproval", (await Reply.ReadAsync(await puppet.PostAsJsonAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash }))).Is(422)["rule"]);

        await console.Database.ExecuteAsSuperuserAsync($"UPDATE identity.known_identity SET until = now() - interval '1 second' WHERE user_id = '{made["id"]}'");
        (await Reply.ReadAsync(await puppet.PostAsJsonAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash }))).Is(200);
    }

    [Fact]
    public async Task RefusedTry_OfADangerousCall_IsOnRecord()
    {
        var person = await console.PersonAsync(Roles.Operator);
        var call = Asking.Call("blueGreen", 1, await Asking.HashAsync(person, "blueGreen", 1), breakGlass: new { reason = "nobody answers" });
        (await person.PostAsync("/api/v1/failovers", call)).Is(403);
        var code = person.Code();
        (await person.PostAsync($"/api/v1/approvals/{Guid.NewGuid()}/approve", new { planHash = "x" }, code)).Is(403);
        (await person.PostAsync("/api/v1/me/totp", new { }, code)).Is(200);
        Assert.Equal("true", (await person.PostAsync("/api/v1/failovers", call, code)).Is(403)["codeUsed"]);
        Assert.Equal(["stepUpRequired", "role", "codeUsed"], await RefusedAsync(person));
    }
}
