using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Failover.Topology;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Tests.Trust;

/// <summary>A request that is sent again, because its answer was lost, starts nothing a second time: every call that begins an operation.</summary>
[Collection(TrustCollection.Name)]
public sealed class SameRequestTests(ConsoleUnderTest console)
{
    [Theory]
    [InlineData(BackupKinds.Backup, "/api/v1/backups", """{"cluster":"orders","type":"full"}""", """{"cluster":"orders","type":"incremental"}""")]
    [InlineData(BackupKinds.Expire, "/api/v1/backups/expire", """{"cluster":"orders"}""", null)]
    [InlineData(BackupKinds.Restore, "/api/v1/restores", """{"cluster":"orders","targetTime":"2026-03-01T12:00:00Z","destination":"new"}""", """{"cluster":"orders","targetTime":"2026-03-01T12:00:01Z","destination":"new"}""")]
    [InlineData(OperationKinds.Drill, "/api/v1/drills/smoke/run", """{"reason":"the quarter's"}""", """{"reason":"the quarter's","source":"us-east-1"}""")]
    [InlineData(OperationKinds.Experiment, "/api/v1/experiments/host-disk/run", """{"reason":"to learn","planHash":"HASH"}""", """{"reason":"to learn","planHash":"HASH","durationSeconds":30}""")]
    [InlineData(TopologyPlanner.KindName, "/api/v1/replication/orders/topology", """{"action":"rejoin","region":"us-west-2","upstream":"us-east-1","reason":"it came back","planHash":"HASH"}""", """{"action":"rejoin","region":"eu-west-1","upstream":"us-east-1","reason":"it came back","planHash":"HASH"}""")]
    public async Task Post_SameKeyAgain_IsTheSameOperationAndAnotherRequestIsRefused(string kind, string path, string body, string? other)
    {
        var asker = await console.PersonAsync(Roles.Operator);
        var hash = (await console.Services.GetRequiredService<OperationService>().PreviewAsync(kind, [])).Hash;
        JsonObject Body(string text) => JsonNode.Parse(text.Replace("HASH", hash, StringComparison.Ordinal))!.AsObject();
        var key = Guid.NewGuid().ToString();

        var first = (await asker.PostAsync(path, Body(body), key: key)).Is(202);
        var again = (await asker.PostAsync(path, Body(body), key: key)).Is(202);

        Assert.Equal(first["operationId"], again["operationId"]);
        Assert.Equal(first["operationId"], Assert.Single(await console.Services.GetRequiredService<OperationReader>().ListAsync(kind)).Id.ToString());
        if (other is not null) Assert.Equal("idempotencyKey", (await asker.PostAsync(path, Body(other), key: key)).Is(422)["rule"]);
        Assert.Contains("Idempotency-Key", (await asker.PostAsync(path, Body(body), key: new string('k', 300))).Is(400).Body["errors"]!.ToJsonString(), StringComparison.OrdinalIgnoreCase);
    }
}
