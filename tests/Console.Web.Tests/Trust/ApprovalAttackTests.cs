using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Approvals;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Tests.Trust;

/// <summary>What an attacker, or somebody in a hurry, tries on approvals.</summary>
[Collection(TrustCollection.Name)]
public sealed class ApprovalAttackTests(ConsoleUnderTest console)
{
    private async Task<(TestPerson Asker, string Approval, string Hash, string Operation)> AskAsync(string strategy = "gradual", params string[] roles)
    {
        var asker = await console.PersonAsync(roles.Length == 0 ? [Roles.Operator] : roles);
        var (operation, approval, hash) = await Asking.SubmitAsync(asker, strategy);
        return (asker, approval!, hash, operation);
    }

    private static Task<Reply> ApproveAsync(TestPerson person, string approval, string hash, string? code = null) =>
        person.PostAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash, comment = "looked at it" }, code);

    [Theory]
    [InlineData(Roles.Viewer)]
    [InlineData(Roles.Manager)]
    [InlineData(Roles.Operator)]
    [InlineData(Roles.Administrator)]
    [InlineData(Roles.Auditor)]
    public async Task Approve_WrongRole_IsForbiddenAndChangesNothing(string role)
    {
        var (asker, approval, hash, _) = await AskAsync();
        var intruder = await console.PersonAsync(role);
        (await ApproveAsync(intruder, approval, hash, intruder.Code())).Is(403);
        (await intruder.PostAsync($"/api/v1/approvals/{approval}/reject", new { reason = "no" })).Is(403);
        Assert.Equal("pending", (await asker.GetAsync($"/api/v1/approvals/{approval}")).Body["state"]!.ToString());
    }

    [Fact]
    public async Task Approve_OwnRequest_IsRefused()
    {
        var (asker, approval, hash, _) = await AskAsync("gradual", Roles.Operator, Roles.Approver);
        Assert.Equal("selfApproval", (await ApproveAsync(asker, approval, hash, asker.Code())).Is(422)["rule"]);
    }

    [Fact]
    public async Task Approve_OtherAccountOfTheSamePerson_IsRefused()
    {
        var (asker, approval, hash, _) = await AskAsync();
        var alias = await console.PersonAsync(Roles.Approver);
        await using (var scope = console.Services.CreateAsyncScope())
        {
            var users = scope.ServiceProvider.GetRequiredService<UserManager<ConsoleUser>>();
            var user = (await users.FindByIdAsync(alias.Id.ToString()))!;
            // The single sign-on says that this account belongs to the asker's mail address.
            await users.AddLoginAsync(user, new UserLoginInfo("https://issuer.example", "subject-1", asker.Email.ToUpperInvariant()));
        }
        Assert.Equal("selfApproval", (await ApproveAsync(alias, approval, hash)).Is(422)["rule"]);
    }

    [Fact]
    public async Task Approve_AlteredHash_IsRefused()
    {
        var (_, approval, hash, _) = await AskAsync();
        var approver = await console.PersonAsync(Roles.Approver);
        Assert.Equal("planHash", (await ApproveAsync(approver, approval, new string('0', 64))).Is(422)["rule"]);
        (await ApproveAsync(approver, approval, "")).Is(400);
        (await ApproveAsync(approver, approval, hash)).Is(200);
    }

    [Fact]
    public async Task Approve_WorldChangedMeanwhile_VoidsWithTheDifference()
    {
        var (_, approval, hash, operation) = await AskAsync();
        var approver = await console.PersonAsync(Roles.Approver);
        console.Script.Address = "two";
        try
        {
            var reply = (await ApproveAsync(approver, approval, hash)).Is(422);
            Assert.Equal("planChanged", reply["rule"]);
            Assert.Contains(reply.Body["changes"]!.AsArray(), c => c!["path"]!.ToString() == "steps[0].parameters.address");
        }
        finally
        {
            console.Script.Address = "one";
        }
        Assert.Equal("void", (await approver.GetAsync($"/api/v1/approvals/{approval}")).Body["state"]!.ToString());
        Assert.Equal("cancelled", (await approver.GetAsync($"/api/v1/operations/{operation}"))["state"]);
    }

    [Fact]
    public async Task Approve_TooLate_IsRefused()
    {
        var (_, approval, hash, _) = await AskAsync();
        await console.Database.ExecuteAsSuperuserAsync($"UPDATE ops.approval SET expires_at = now() - interval '1 second' WHERE id = '{approval}'");
        var reply = (await ApproveAsync(await console.PersonAsync(Roles.Approver), approval, hash)).Is(422);
        // The runner's own look may have been faster.
        Assert.Contains(reply["rule"], (string[])["expired", "state"]);
    }

    [Fact]
    public async Task Approve_MissingWrongOrUsedSecondFactor_IsRefused()
    {
        var (_, approval, hash, _) = await AskAsync("immediate");
        var approver = await console.PersonAsync(Roles.Approver);
        Assert.Equal("true", (await ApproveAsync(approver, approval, hash)).Is(403)["stepUpRequired"]);
        Assert.Equal("true", (await ApproveAsync(approver, approval, hash, "000000")).Is(403)["stepUpRequired"]);
        var code = approver.Code();
        Assert.Equal("planHash", (await ApproveAsync(approver, approval, "no such plan", code)).Is(422)["rule"]);
        Assert.Equal("true", (await ApproveAsync(approver, approval, hash, code)).Is(403)["codeUsed"]);
        (await ApproveAsync(approver, approval, hash, approver.Code())).Is(200);
    }

    [Fact]
    public async Task Approve_Twice_NeedsTwoPeople()
    {
        var (_, approval, hash, operation) = await AskAsync("blueGreen");
        var (first, second) = (await console.PersonAsync(Roles.Approver), await console.PersonAsync(Roles.Approver));
        Assert.Equal("1", (await ApproveAsync(first, approval, hash, first.Code())).Is(200)["missing"]);
        Assert.Equal("1", (await ApproveAsync(first, approval, hash)).Is(200)["missing"]); // repeated: neither counted again nor proven again
        Assert.Equal("awaitingApproval", (await first.GetAsync($"/api/v1/operations/{operation}"))["state"]);
        var code = second.Code();
        Assert.Equal("approved", (await ApproveAsync(second, approval, hash, code)).Is(200)["state"]);
        Assert.Equal("approved", (await ApproveAsync(second, approval, hash, code)).Is(200)["state"]);
        await Asking.EndsAsync(second, operation, "succeeded");
    }

    [Fact]
    public async Task Reject_OneDenial_BlocksForGood()
    {
        var (_, approval, hash, operation) = await AskAsync();
        var (no, yes) = (await console.PersonAsync(Roles.Approver), await console.PersonAsync(Roles.Approver));
        (await no.PostAsync($"/api/v1/approvals/{approval}/reject", new { reason = " " })).Is(422);
        Assert.Equal("rejected", (await no.PostAsync($"/api/v1/approvals/{approval}/reject", new { reason = "not during the sale" })).Is(200)["state"]);
        Assert.Equal("state", (await ApproveAsync(yes, approval, hash)).Is(422)["rule"]);
        Assert.Equal("cancelled", (await yes.GetAsync($"/api/v1/operations/{operation}"))["state"]);
    }

    [Fact]
    public async Task Approve_CookieWithoutOwnOrigin_IsRefused()
    {
        var (_, approval, hash, _) = await AskAsync();
        var approver = await console.PersonAsync(Roles.Approver);
        using var browser = console.CreateClient();
        using var signIn = new HttpRequestMessage(HttpMethod.Post, "/api/v1/session") { Content = JsonContent.Create(new { email = approver.Email, password = TestPerson.Password, totp = approver.Code() }) };
        signIn.Headers.Add("X-OpsConsole", "1");
        Assert.Equal(HttpStatusCode.OK, (await browser.SendAsync(signIn)).StatusCode);

        using var forged = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/approvals/{approval}/approve") { Content = JsonContent.Create(new { planHash = hash }) };
        forged.Headers.Add("Origin", "https://evil.example");
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.SendAsync(forged)).StatusCode);
        using var own = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/approvals/{approval}/approve") { Content = JsonContent.Create(new { planHash = hash }) };
        own.Headers.Add("Origin", "http://localhost");
        Assert.Equal(HttpStatusCode.OK, (await browser.SendAsync(own)).StatusCode);
    }

    [Fact]
    public async Task Approve_SessionEndedMeanwhile_IsRefusedAtOnce()
    {
        var (_, approval, hash, _) = await AskAsync();
        var approver = await console.PersonAsync(Roles.Approver);
        using var browser = console.CreateClient();
        browser.DefaultRequestHeaders.Add("X-OpsConsole", "1");
        (await Reply.ReadAsync(await browser.PostAsJsonAsync("/api/v1/session", new { email = approver.Email, password = TestPerson.Password, totp = approver.Code() }))).Is(200);
        await using (var scope = console.Services.CreateAsyncScope())
        {
            var db = scope.ServiceProvider.GetRequiredService<IdentityDb>();
            await db.Users.Where(u => u.Id == approver.Id).ExecuteUpdateAsync(u => u.SetProperty(x => x.SecurityStamp, "another"));
        }
        (await Reply.ReadAsync(await browser.PostAsJsonAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash }))).Is(401);
    }

    [Fact]
    public async Task Approve_RoleTakenAway_IsForbidden()
    {
        var (_, approval, hash, _) = await AskAsync();
        var approver = await console.PersonAsync(Roles.Approver);
        await using (var scope = console.Services.CreateAsyncScope())
        {
            var users = scope.ServiceProvider.GetRequiredService<UserManager<ConsoleUser>>();
            await users.RemoveFromRoleAsync((await users.FindByIdAsync(approver.Id.ToString()))!, Roles.Approver);
        }
        (await ApproveAsync(approver, approval, hash)).Is(403);
    }

    [Fact]
    public async Task Approval_Read_IsTheApprovalWithExactlyWhatWouldRun()
    {
        var (asker, approval, hash, operation) = await AskAsync();
        var read = (await asker.GetAsync($"/api/v1/approvals/{approval}")).Is(200).Body;
        Assert.Equal((approval, operation, hash, "pending", 1), (read["id"]!.ToString(), read["operationId"]!.ToString(), read["planHash"]!.ToString(), read["state"]!.ToString(), (int)read["requiredApprovers"]!));
        Assert.Empty(read["decisions"]!.AsArray());
        Assert.EndsWith("Z", read["expiresAt"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(hash, read["plan"]!["hash"]!.ToString());
        Assert.NotEmpty(read["checks"]!.AsArray());
        (await asker.GetAsync($"/api/v1/approvals/{Guid.NewGuid()}")).Is(404);
    }

    [Theory]
    [InlineData("read")]
    [InlineData("fleet.view")]
    public async Task EveryApprovalCall_TokenOfAnApproverWithTooSmallAScope_IsForbidden(string scope)
    {
        var (_, approval, hash, _) = await AskAsync();
        var approver = await console.PersonAsync(Roles.Approver, Roles.Administrator);
        await using (var services = console.Services.CreateAsyncScope())
        {
            var (_, token) = await services.ServiceProvider.GetRequiredService<TokenLedger>().CreateAsync(approver.Id, approver.Email, "small", 1, [scope], null, default);
            approver.Api.DefaultRequestHeaders.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", token);
        }
        (await ApproveAsync(approver, approval, hash)).Is(403);
        (await approver.PostAsync($"/api/v1/approvals/{approval}/reject", new { reason = "no" })).Is(403);
        (await approver.PutAsync("/api/v1/approvals/policy", new { reason = "mine now" }, approver.Code())).Is(403);
        (await approver.PostAsync($"/api/v1/reviews/{Guid.NewGuid()}/complete", new { notes = "fine" })).Is(403);
        Assert.Equal("pending", (await (await console.PersonAsync(Roles.Viewer)).GetAsync($"/api/v1/approvals/{approval}"))["state"]);
    }

    [Fact]
    public async Task EveryApprovalCall_MadeUpIdsAndBodies_ChangeNothing()
    {
        var (asker, approval, hash, _) = await AskAsync();
        var (_, _, otherHash, _) = await AskAsync("blueGreen");
        var approver = await console.PersonAsync(Roles.Approver);
        (await ApproveAsync(approver, Guid.NewGuid().ToString(), hash)).Is(404);
        (await ApproveAsync(approver, "1' OR '1'='1", hash)).Is(404);
        Assert.Equal("planHash", (await ApproveAsync(approver, approval, otherHash)).Is(422)["rule"]); // the hash of somebody else's plan
        (await approver.PostAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash, comment = new string('x', 2001) })).Is(400);
        (await approver.PostAsync($"/api/v1/approvals/{approval}/reject", new { reason = new string('x', 2001) })).Is(400);
        (await approver.PostAsync($"/api/v1/approvals/{approval}/approve", new[] { hash })).Is(400);
        (await approver.PostAsync($"/api/v1/reviews/{Guid.NewGuid()}/complete", new { notes = "fine" })).Is(404);
        var read = (await asker.GetAsync($"/api/v1/approvals/{approval}")).Body;
        Assert.Equal(("pending", 0), (read["state"]!.ToString(), read["decisions"]!.AsArray().Count));
        // What was tried is on record.
        var auditor = await console.PersonAsync(Roles.Auditor);
        Assert.Contains((await auditor.GetAsync("/api/v1/audit?action=approval.refused")).Body["items"]!.AsArray(), e => e!["actor"]!.ToString() == approver.Email && e["target"]!.ToString() == $"approval:{approval}");
    }

    [Fact]
    public async Task Approve_ManyTimesAtOnceByOnePerson_CountsOnce()
    {
        var (asker, approval, hash, _) = await AskAsync("gradual");
        await console.Database.ExecuteAsSuperuserAsync($"UPDATE ops.approval SET rule = rule || '{{\"approvers\":2}}' WHERE id = '{approval}'");
        var approver = await console.PersonAsync(Roles.Approver);
        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ApproveAsync(approver, approval, hash)));
        Assert.All(replies, r => Assert.Equal("1", r.Is(200)["missing"]));
        Assert.Single((await asker.GetAsync($"/api/v1/approvals/{approval}")).Body["decisions"]!.AsArray());
        Assert.Equal(1, (int)(await asker.GetAsync($"/api/v1/approvals/{approval}")).Body["missing"]!);
    }

    [Fact]
    public async Task Approve_CodeOfAnotherPerson_IsRefused()
    {
        var (_, approval, hash, _) = await AskAsync("immediate");
        var (approver, other) = (await console.PersonAsync(Roles.Approver), await console.PersonAsync(Roles.Approver));
        Assert.Equal("true", (await ApproveAsync(approver, approval, hash, other.Code())).Is(403)["stepUpRequired"]);
    }

    [Fact]
    public async Task Policy_Proposal_NeedsTwoOthersBeforeItCounts()
    {
        var (proposer, first, second) = (await console.PersonAsync(Roles.Administrator, Roles.Approver), await console.PersonAsync(Roles.Approver), await console.PersonAsync(Roles.Approver));
        var inForce = (await proposer.GetAsync("/api/v1/approvals/policy")).Is(200);
        var policy = inForce.Body["policy"]!.DeepClone();
        policy["approvalMinutes"] = 31;
        var body = new { policy, reason = "half an hour is short" };
        Assert.Equal("true", (await proposer.PutAsync("/api/v1/approvals/policy", body)).Is(403)["stepUpRequired"]);
        (await first.PutAsync("/api/v1/approvals/policy", body, first.Code())).Is(403);
        var approval = (await proposer.PutAsync("/api/v1/approvals/policy", body, proposer.Code())).Is(202);
        var detail = (await first.GetAsync($"/api/v1/approvals/{approval["id"]}")).Is(200);
        Assert.Equal(31, (double)detail.Body["proposed"]!["approvalMinutes"]!);
        Assert.Equal("selfApproval", (await ApproveAsync(proposer, approval["id"]!, approval["planHash"]!, proposer.Code())).Is(422)["rule"]);
        (await ApproveAsync(first, approval["id"]!, approval["planHash"]!, first.Code())).Is(200);
        Assert.Equal(inForce["version"], (await first.GetAsync("/api/v1/approvals/policy"))["version"]);
        (await ApproveAsync(second, approval["id"]!, approval["planHash"]!, second.Code())).Is(200);
        Assert.Equal(31, (double)(await first.GetAsync("/api/v1/approvals/policy")).Body["policy"]!["approvalMinutes"]!);
    }
}
