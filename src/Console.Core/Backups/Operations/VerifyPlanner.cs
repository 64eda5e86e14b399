using System.Text.Json.Nodes;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>Proves a backup: <c>{backupId}</c>. Checksums, then a restore into an instance of its own, which is asked what it holds and removed whatever happens. One of the configuration holds no data to
/// restore: its bytes are checked.</summary>
public sealed class VerifyPlanner(FleetModel fleet, BackupsOptions options, BackupCatalogue catalogue) : IPlanner
{
    public string Kind => BackupKinds.Verify;

    public async Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel)
    {
        var backup = await catalogue.BackupAsync(request, cancel);
        if (backup.State == BackupState.Expired) throw new RequestRefusedException("state", "It has expired: there is nothing left to verify.");
        var cluster = fleet.Clusters[backup.Cluster];
        var regions = fleet.PlacesFor(cluster, options, null);
        JsonObject Parameters() => new()
        {
            ["cluster"] = backup.Cluster, ["engine"] = backup.Engine, ["backupId"] = backup.Id,
            ["copies"] = new JsonArray([.. backup.Copies.Where(c => c.Label.Length > 0 && c.State != CopyState.Expired).Select(c => c.Repository).Order(StringComparer.Ordinal).Select(r => (JsonNode)r)]),
            ["regions"] = new JsonArray([.. regions.Select(r => (JsonNode)r)]),
        };
        var check = new PlanStep
        {
            Step = CheckCopies.StepName, Name = "Check what is stored", Detail = "Every file of every copy against the manifest's checksums.",
            Reversibility = Reversibility.Neutral, Parameters = Parameters(), TimeoutSeconds = 86_400, Attempts = 2,
        };
        return new Plan
        {
            Kind = Kind,
            Title = $"{(backup.Type == BackupType.Configuration ? "Check" : "Prove")} the {backup.Type.Word()} backup of {backup.Cluster} of {backup.EndedAt.UtcDateTime:yyyy-MM-dd HH:mm}Z",
            Severity = Severity.Low,
            Targets = [new PlanTarget($"backup:{backup.Id}", ResourceClass.Data)],
            UndoAtEnd = true,
            Steps = backup.Type == BackupType.Configuration ? [check] :
            [
                check,
                new PlanStep
                {
                    Step = OpenInstance.StepName, Name = "Restore it into an instance of its own", Detail = $"In one of {string.Join(", ", regions)}; timed.",
                    Undo = "The instance is stopped and deleted.", Parameters = Parameters(), TimeoutSeconds = 86_400, Attempts = 2,
                },
                new PlanStep
                {
                    Step = InspectInstance.StepName, Name = "Ask it what it holds", Detail = "pg_amcheck, heartbeats against the living database, the policy's queries.",
                    Reversibility = Reversibility.Neutral, Parameters = Parameters(), TimeoutSeconds = 21_600,
                },
            ],
        };
    }

    public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) => Task.FromResult(Preflight.Nothing);
}
