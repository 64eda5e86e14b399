using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Web.Tests.Trust;

[Collection(TrustCollection.Name)]
public sealed class OperationApiTests(ConsoleUnderTest console)
{
    [Fact]
    public async Task Preview_ShowsPlanChecksAndWhoMustAgree()
    {
        var viewer = await console.PersonAsync(Roles.Viewer);
        var preview = (await viewer.PostAsync("/api/v1/failovers/preview", Asking.Call("blueGreen"))).Is(200).Body;
        Assert.Equal(64, preview["plan"]!["hash"]!.ToString().Length);
        Assert.Equal("move it back", preview["plan"]!["steps"]![1]!["undo"]!.ToString());
        Assert.Equal("passed", preview["checks"]![0]!["verdict"]!.ToString());
        Assert.Equal(2, (int)preview["approval"]!["approvers"]!);
        Assert.True((bool)preview["approval"]!["stepUp"]!);
        Assert.Equal(0.7, (double)preview["estimate"]!["rtoSeconds"]!);
    }

    [Fact]
    public async Task Preview_Nonsense_SaysEverythingAtOnce()
    {
        var viewer = await console.PersonAsync(Roles.Viewer);
        var errors = (await viewer.PostAsync("/api/v1/failovers/preview", new { cluster = "none", source = "us-east-1", target = "us-east-1", strategy = "sudden", scope = "partial", overrides = new[] { "lag-within-rpo", "luck" }, maxLostBytes = 1 })).Is(400).Body["errors"]!.AsObject();
        Assert.Contains("switchover", errors["planned"]![0]!.ToString(), StringComparison.Ordinal);
        Assert.Contains("witness-quorum", errors["overrides"]![0]!.ToString(), StringComparison.Ordinal);
        Assert.Contains("with planned false and the override no-loss", errors["maxLostBytes"]![0]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(["cluster", "maxLostBytes", "overrides", "planned", "services", "strategy", "target"], errors.Select(e => e.Key).Order());
    }

    [Fact]
    public async Task Submit_NothingToApprove_RunsAndTellsItsStory()
    {
        var asker = await console.PersonAsync(Roles.Operator);
        var (operation, approval, hash) = await Asking.SubmitAsync(asker, "canary");
        Assert.Null(approval);
        await Asking.EndsAsync(asker, operation, "succeeded");
        var view = (await asker.GetAsync($"/api/v1/operations/{operation}")).Is(200).Body;
        Assert.Equal(hash, view["planHash"]!.ToString());
        Assert.Equal(100, (double)view["progressPercent"]!);
        Assert.All(view["steps"]!.AsArray(), s => Assert.Equal("done", s!["state"]!.ToString()));
        Assert.NotNull(view["result"]!["commitUntil"]);
        var listed = (await asker.GetAsync("/api/v1/operations?kind=failover&state=succeeded")).Is(200).Body["items"]!.AsArray();
        Assert.Contains(listed, o => o!["id"]!.ToString() == operation);
    }

    [Fact]
    public async Task Result_WithAWayIntoARestoredDatabase_IsForThoseWhoMayOperate()
    {
        const string Way = "postgresql://restored:very-secret@127.0.0.1:5500/orders";
        var asker = await console.PersonAsync(Roles.Operator);
        var (operation, _, _) = await Asking.SubmitAsync(asker, "canary", 1);
        await Asking.EndsAsync(asker, operation, "succeeded");
        await using (var connection = await console.Services.GetRequiredService<ConsoleDatabase>().App.OpenConnectionAsync())
        await using (var command = new NpgsqlCommand("UPDATE ops.operation SET result = result || jsonb_build_object('connection', @way) WHERE id = @id", connection))
        {
            command.Parameters.AddWithValue("way", Way);
            command.Parameters.AddWithValue("id", Guid.Parse(operation));
            Assert.Equal(1, await command.ExecuteNonQueryAsync());
        }

        Assert.Equal(Way, (await asker.GetAsync($"/api/v1/operations/{operation}")).Is(200).Body["result"]!["connection"]!.ToString());
        var report = $"/api/v1/operations/{operation}/report";
        string[] reports = [report, $"{report}?format=html", $"{report}?format=csv"];
        foreach (var path in reports) Assert.DoesNotContain("very-secret", await asker.Api.GetStringAsync(path), StringComparison.Ordinal);
        foreach (var role in new[] { Roles.Viewer, Roles.Auditor })
        {
            var reader = await console.PersonAsync(role);
            foreach (var path in (string[])[$"/api/v1/operations/{operation}", "/api/v1/operations?kind=failover", $"/api/v1/operations/{operation}/events", "/api/v1/audit", .. reports])
            {
                var answer = await reader.Api.GetAsync(path);
                Assert.DoesNotContain("very-secret", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
                Assert.True(answer.IsSuccessStatusCode || path == "/api/v1/audit", $"{path} of {role}: {answer.StatusCode}");
            }
        }
    }

    [Fact]
    public async Task Events_ResumeAfterTheLastOneSeen()
    {
        var asker = await console.PersonAsync(Roles.Operator);
        var (operation, _, _) = await Asking.SubmitAsync(asker, "canary", 1);
        var whole = await asker.Api.GetStringAsync($"/api/v1/operations/{operation}/events");
        var ids = whole.Split('\n').Where(l => l.StartsWith("id: ", StringComparison.Ordinal)).ToList();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/operations/{operation}/events");
        request.Headers.Add("Last-Event-ID", ids[1]["id: ".Length..]);
        var rest = await (await asker.Api.SendAsync(request)).Content.ReadAsStringAsync();
        Assert.Equal(ids.Skip(2), rest.Split('\n').Where(l => l.StartsWith("id: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Hub_Operation_StreamsTheSameJournalAsTheEvents()
    {
        var asker = await console.PersonAsync(Roles.Operator);
        var (operation, _, _) = await Asking.SubmitAsync(asker, "canary", 1);
        var whole = await asker.Api.GetStringAsync($"/api/v1/operations/{operation}/events");
        var ids = whole.Split('\n').Where(l => l.StartsWith("id: ", StringComparison.Ordinal)).Select(l => l["id: ".Length..].Trim()).ToList();

        await using var hub = console.Hub(asker);
        await hub.StartAsync(TestContext.Current.CancellationToken);
        var heard = new List<string>();
        await foreach (var happened in hub.StreamAsync<JsonElement>("Operation", Guid.Parse(operation), long.Parse(ids[0], CultureInfo.InvariantCulture), TestContext.Current.CancellationToken))
            heard.Add(happened.GetProperty("sequence").ToString());

        Assert.Equal(ids.Skip(1), heard);
        var unknown = hub.StreamAsync<JsonElement>("Operation", Guid.NewGuid(), 0L, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<HubException>(async () => await unknown.GetAsyncEnumerator(TestContext.Current.CancellationToken).MoveNextAsync());
    }

    [Fact]
    public async Task Submit_SameIdempotencyKey_GivesTheSameOperation()
    {
        var asker = await console.PersonAsync(Roles.Operator);
        var hash = await Asking.HashAsync(asker, "gradual");
        var key = Guid.NewGuid().ToString();
        var first = (await asker.PostAsync("/api/v1/failovers", Asking.Call("gradual", planHash: hash), key: key)).Is(202);
        var again = (await asker.PostAsync("/api/v1/failovers", Asking.Call("gradual", planHash: hash), key: key)).Is(202);
        Assert.Equal(first["operationId"], again["operationId"]);
        Assert.Equal("idempotencyKey", (await asker.PostAsync("/api/v1/failovers", Asking.Call("gradual", 1, await Asking.HashAsync(asker, "gradual", 1)), key: key)).Is(422)["rule"]);
        var thief = await console.PersonAsync(Roles.Operator);
        Assert.NotEqual(first["operationId"], (await thief.PostAsync("/api/v1/failovers", Asking.Call("gradual", planHash: hash), key: key)).Is(202)["operationId"]);
    }

    [Fact]
    public async Task Submit_AnotherPlanThanShown_IsRefusedWithTheDifference()
    {
        var asker = await console.PersonAsync(Roles.Operator);
        var hash = await Asking.HashAsync(asker, "gradual");
        console.Script.Address = "elsewhere";
        try
        {
            var reply = (await asker.PostAsync("/api/v1/failovers", Asking.Call("gradual", planHash: hash))).Is(422);
            Assert.Equal("planChanged", reply["rule"]);
            Assert.Contains(reply.Body["changes"]!.AsArray(), c => c!["after"]!.ToString().Contains("elsewhere", StringComparison.Ordinal));
            (await asker.PostAsync("/api/v1/failovers", Asking.Call("gradual"))).Is(400);
        }
        finally
        {
            console.Script.Address = "one";
        }
    }

    [Fact]
    public async Task Submit_BlockingCheck_IsRefusedUnlessOverriddenByTwo()
    {
        var asker = await console.PersonAsync(Roles.Operator);
        console.Script.Lag = 90;
        try
        {
            var refused = (await asker.PostAsync("/api/v1/failovers", Asking.Call("canary", planHash: await Asking.HashAsync(asker, "canary")))).Is(422);
            Assert.Equal("lag-within-rpo", refused.Body["checks"]![0]!["id"]!.ToString());
            string[] overrides = ["lag-within-rpo"];
            var hash = await Asking.HashAsync(asker, "canary", overrides: overrides);
            var asked = (await asker.PostAsync("/api/v1/failovers", Asking.Call("canary", planHash: hash, overrides: overrides))).Is(202);
            var approval = (await asker.GetAsync($"/api/v1/approvals/{asked["approvalId"]}")).Body;
            Assert.Equal((2, true), ((int)approval["requiredApprovers"]!, (bool)approval["stepUp"]!));
            var alone = Asking.Call("canary", planHash: hash, overrides: overrides, breakGlass: new { reason = "nobody answers" });
            Assert.Equal("breakGlassOverride", (await asker.PostAsync("/api/v1/failovers", alone, asker.Code())).Is(422)["rule"]);
        }
        finally
        {
            console.Script.Lag = 1;
        }
    }

    [Fact]
    public async Task Submit_NoQuorumOfWitnesses_IsRefusedWithWhatWasMeasured()
    {
        var asker = await console.PersonAsync(Roles.Operator);
        console.Script.Witnesses = 1;
        try
        {
            var refused = (await asker.PostAsync("/api/v1/failovers", Asking.Call("canary", planHash: await Asking.HashAsync(asker, "canary")))).Is(422);
            Assert.Equal("preflight", refused["rule"]);
            var check = Assert.Single(refused.Body["checks"]!.AsArray())!;
            Assert.Equal(("witness-quorum", "blocking", "1 of 3"), (check["id"]!.ToString(), check["verdict"]!.ToString(), check["measured"]!.ToString()));
        }
        finally
        {
            console.Script.Witnesses = 3;
        }
    }

    [Fact]
    public async Task Start_RightToExecuteExpired_IsRefused()
    {
        var (asker, approver) = (await console.PersonAsync(Roles.Operator), await console.PersonAsync(Roles.Approver));
        var (operation, approval, hash) = await Asking.SubmitAsync(asker, "gradual", start: "manual");
        (await approver.PostAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash })).Is(200);
        await console.Database.ExecuteAsSuperuserAsync($"UPDATE ops.operation SET execute_before = now() - interval '1 second' WHERE id = '{operation}'");
        (await asker.PostAsync($"/api/v1/operations/{operation}/start", new { })).Is(422);
        await Asking.EndsAsync(asker, operation, "expired");
    }

    [Fact]
    public async Task Start_BlockedAfterTheApproval_MeasuresAgainAndRefuses()
    {
        var (asker, approver) = (await console.PersonAsync(Roles.Operator), await console.PersonAsync(Roles.Approver));
        var (operation, approval, hash) = await Asking.SubmitAsync(asker, "gradual", start: "manual");
        (await approver.PostAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash })).Is(200);
        console.Script.Lag = 90;
        try
        {
            (await asker.PostAsync($"/api/v1/operations/{operation}/start", new { })).Is(202);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            await asker.Api.GetStringAsync($"/api/v1/operations/{operation}/events", limit.Token);
            var view = (await asker.GetAsync($"/api/v1/operations/{operation}")).Body;
            Assert.NotEqual("succeeded", view["state"]!.ToString());
            Assert.Contains("lag", view["endReason"]!.ToString(), StringComparison.OrdinalIgnoreCase);
            Assert.All(view["steps"]!.AsArray(), s => Assert.Equal("pending", s!["state"]!.ToString()));
        }
        finally
        {
            console.Script.Lag = 1;
        }
    }

    [Fact]
    public async Task Submit_HeldByAnother_IsBlockedAndNamesIt()
    {
        var asker = await console.PersonAsync(Roles.Operator);
        console.Script.Hold = true;
        try
        {
            var (running, _, _) = await Asking.SubmitAsync(asker, "canary");
            var blocked = (await asker.PostAsync("/api/v1/failovers", Asking.Call("canary", planHash: await Asking.HashAsync(asker, "canary")))).Is(409);
            Assert.Equal(running, blocked["blockedBy"]);
            (await asker.PostAsync($"/api/v1/operations/{running}/cancel", new { reason = "" })).Is(400);
            (await asker.PostAsync($"/api/v1/operations/{running}/cancel", new { reason = "changed my mind" })).Is(202);
            await Asking.EndsAsync(asker, running, "cancelled");
        }
        finally
        {
            console.Script.Release();
        }
    }

    [Fact]
    public async Task Start_Manual_WaitsForSomebody()
    {
        var (asker, approver) = (await console.PersonAsync(Roles.Operator), await console.PersonAsync(Roles.Approver));
        var (operation, approval, hash) = await Asking.SubmitAsync(asker, "gradual", start: "manual");
        (await asker.PostAsync($"/api/v1/operations/{operation}/start", new { })).Is(422);
        (await approver.PostAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash })).Is(200);
        Assert.Equal("approved", (await asker.GetAsync($"/api/v1/operations/{operation}"))["state"]);
        (await approver.PostAsync($"/api/v1/operations/{operation}/start", new { })).Is(403);
        (await asker.PostAsync($"/api/v1/operations/{operation}/start", new { })).Is(202);
        await Asking.EndsAsync(asker, operation, "succeeded");
        Assert.Equal(operation, (await asker.PostAsync($"/api/v1/operations/{operation}/start", new { })).Is(202)["id"]); // the answer was lost
    }

    [Fact]
    public async Task RollBack_WithinTheWindow_IsANewOperationAndCommitEndsTheWindow()
    {
        var asker = await console.PersonAsync(Roles.Operator);
        var (operation, _, _) = await Asking.SubmitAsync(asker, "canary", 2);
        await Asking.EndsAsync(asker, operation, "succeeded");
        var back = (await asker.PostAsync($"/api/v1/operations/{operation}/rollback", new { reason = "slower there" })).Is(202);
        Assert.Equal(operation, back["rollbackOf"]);
        Assert.Equal(back["id"], (await asker.PostAsync($"/api/v1/operations/{operation}/rollback", new { reason = "slower there" })).Is(202)["id"]); // the answer was lost
        await Asking.EndsAsync(asker, back["id"]!, "succeeded");
        (await asker.PostAsync($"/api/v1/operations/{back["id"]}/commit", new { reason = "stays" })).Is(202);
        Assert.Equal("committed", (await asker.PostAsync($"/api/v1/operations/{back["id"]}/rollback", new { reason = "again" })).Is(422)["rule"]);
    }

    [Fact]
    public async Task Lists_CutAtTheirLimit_GoOnAtTheCursor()
    {
        var approver = await console.PersonAsync(Roles.Approver);
        for (var i = 0; i < 3; i++)
        {
            var asker = await console.PersonAsync(Roles.Operator);
            await Asking.SubmitAsync(asker, "gradual");
            var call = Asking.Call("blueGreen", 1, await Asking.HashAsync(asker, "blueGreen", 1), breakGlass: new { reason = "nobody answers" });
            var operation = (await asker.PostAsync("/api/v1/failovers", call, asker.Code())).Is(202)["operationId"]!;
            await Asking.EndsAsync(asker, operation, "succeeded");
        }
        foreach (var list in new[] { "/api/v1/approvals", "/api/v1/reviews?open=false" })
        {
            var whole = (await approver.GetAsync(list)).Is(200).Body["items"]!.AsArray().Select(i => i!["id"]!.ToString()).ToList();
            Assert.Equal(whole, await PagesAsync(approver, list));
        }
        (await approver.GetAsync("/api/v1/approvals?cursor=nonsense")).Is(400);
    }

    private static async Task<List<string>> PagesAsync(TestPerson person, string list)
    {
        var (seen, cursor) = (new List<string>(), "");
        do
        {
            var page = (await person.GetAsync($"{list}{(list.Contains('?') ? '&' : '?')}limit=2&cursor={cursor}")).Is(200);
            seen.AddRange(page.Body["items"]!.AsArray().Select(i => i!["id"]!.ToString()));
            cursor = page["nextCursor"] ?? "";
        }
        while (cursor.Length > 0);
        return seen;
    }

    [Fact]
    public async Task BreakGlass_NeedsAFreshFactorAndOwesAReview()
    {
        var (asker, approver) = (await console.PersonAsync(Roles.Operator, Roles.Approver), await console.PersonAsync(Roles.Approver));
        var call = Asking.Call("blueGreen", planHash: await Asking.HashAsync(asker, "blueGreen"), breakGlass: new { reason = "nobody answers and orders are lost" });
        var key = Guid.NewGuid().ToString();
        Assert.Equal("true", (await asker.PostAsync("/api/v1/failovers", call, key: key)).Is(403)["stepUpRequired"]);
        var code = asker.Code();
        var submitted = (await asker.PostAsync("/api/v1/failovers", call, code, key)).Is(202);
        Assert.Null(submitted["approvalId"]);
        // A lost answer is asked for again with the same code and key.
        Assert.Equal(submitted["operationId"], (await asker.PostAsync("/api/v1/failovers", call, code, key)).Is(202)["operationId"]);
        await Asking.EndsAsync(asker, submitted["operationId"]!, "succeeded");

        var owed = (await asker.GetAsync("/api/v1/reviews")).Body["items"]!.AsArray().Single(r => r!["operationId"]!.ToString() == submitted["operationId"])!["id"]!.ToString();
        Assert.Equal("selfApproval", (await asker.PostAsync($"/api/v1/reviews/{owed}/complete", new { notes = "fine" })).Is(422)["rule"]);
        (await approver.PostAsync($"/api/v1/reviews/{owed}/complete", new { notes = "right under the circumstances" })).Is(200);
        Assert.DoesNotContain((await asker.GetAsync("/api/v1/reviews")).Body["items"]!.AsArray(), r => r!["id"]!.ToString() == owed);
    }

    [Fact]
    public async Task Automation_HandsOff_IsSetSeenAndEnded()
    {
        var (asker, viewer) = (await console.PersonAsync(Roles.Operator), await console.PersonAsync(Roles.Viewer));
        var begin = new { scope = "fleet", hold = "automationPaused", active = true, reason = "migration tonight" };
        (await viewer.PutAsync("/api/v1/automation", begin)).Is(403);
        (await asker.PutAsync("/api/v1/automation", new { scope = "everything", hold = "maintenance", active = true, reason = "x" })).Is(422);
        (await asker.PutAsync("/api/v1/automation", new { scope = "region:mars", hold = "maintenance", active = true, reason = "x" })).Is(422);
        (await asker.PutAsync("/api/v1/automation", begin)).Is(200);
        var hold = Assert.Single((await viewer.GetAsync("/api/v1/automation")).Body["items"]!.AsArray())!;
        Assert.Equal(("automationPaused", asker.Email), (hold["hold"]!.ToString(), hold["by"]!.ToString()));
        (await asker.PutAsync("/api/v1/automation", new { scope = "fleet", hold = "automationPaused", active = false, reason = "done" })).Is(200);
        Assert.Empty((await viewer.GetAsync("/api/v1/automation")).Body["items"]!.AsArray());
    }

    [Fact]
    public async Task Circuit_Reset_IsTheOperatorsAskedForWithAReasonAuditedAndTold()
    {
        var (asker, viewer) = (await console.PersonAsync(Roles.Operator), await console.PersonAsync(Roles.Viewer));
        var heard = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var listener = new Npgsql.NpgsqlConnection(console.Database.Console.AppConnectionString);
        await listener.OpenAsync();
        listener.Notification += (_, told) => heard.TrySetResult(told.Payload);
        await using (var listen = new Npgsql.NpgsqlCommand("LISTEN telemetry_command", listener)) await listen.ExecuteNonQueryAsync();

        (await viewer.PostAsync("/api/v1/services/us-east-1-orders/circuit/reset", new { reason = "mended" })).Is(403);
        (await asker.PostAsync("/api/v1/services/us-east-1-orders/circuit/reset", new { })).Is(400);
        (await asker.PostAsync("/api/v1/services/nope/circuit/reset", new { reason = "mended" })).Is(404);
        (await asker.PostAsync("/api/v1/services/us-east-1-orders/circuit/reset", new { reason = "mended" })).Is(202);

        await listener.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("resetCircuit:us-east-1-orders", await heard.Task);
        var auditor = await console.PersonAsync(Roles.Auditor);
        var entry = Assert.Single((await auditor.GetAsync("/api/v1/audit?action=service.circuit.reset")).Body["items"]!.AsArray())!;
        Assert.Equal((asker.Email, "service:us-east-1-orders", "mended"), (entry["actor"]!.ToString(), entry["target"]!.ToString(), entry["reason"]!.ToString()));
    }

    [Fact]
    public async Task EmergencyStop_IsEngagedAndReleased()
    {
        var (asker, viewer) = (await console.PersonAsync(Roles.Approver), await console.PersonAsync(Roles.Viewer));
        (await viewer.PostAsync("/api/v1/emergency-stop", new { reason = "fire" })).Is(403);
        var engaged = (await Reply.ReadAsync(await asker.Api.PostAsync("/api/v1/emergency-stop", null))).Is(200); // nothing but the call is needed
        Assert.Equal(("true", asker.Email), (engaged["engaged"], engaged["by"]));
        Assert.Empty(engaged.Body["reverted"]!.AsArray());
        (await asker.PostAsync("/api/v1/emergency-stop/release", new { reason = " " })).Is(400);
        Assert.Equal("false", (await asker.PostAsync("/api/v1/emergency-stop/release", new { reason = "out" })).Is(200)["engaged"]);
    }
}
