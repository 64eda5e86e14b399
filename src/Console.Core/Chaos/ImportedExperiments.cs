using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Chaos;

/// <summary>Experiments that were imported: kept in the database, and brought into every node's library.</summary>
public sealed partial class ImportedExperiments(ConsoleDatabase database, ExperimentLibrary library, IAuditLog audit, TimeProvider clock, ILogger<ImportedExperiments> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <exception cref="RequestRefusedException">the id belongs to a declared experiment</exception>
    public async Task SaveAsync(Experiment experiment, Person person, CancellationToken cancel = default)
    {
        if (!person.May(Policies.Operate)) throw new NotAllowedException(Policies.Operate);
        if (library.IsDeclared(experiment.Id)) throw new RequestRefusedException("id", $"'{experiment.Id}' is an experiment of the console or its configuration: choose another id.");
        await using (var connection = await database.App.OpenConnectionAsync(cancel))
        {
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await connection.Command("INSERT INTO chaos.experiment (id, body, by, at) VALUES (@id, @body, @by, @at) ON CONFLICT (id) DO UPDATE SET body = @body, by = @by, at = @at",
                ("id", experiment.Id), ("body", JsonSerializer.SerializeToNode(experiment, OperationJson.Options)), ("by", person.Email), ("at", clock.GetUtcNow())).ExecuteAsync(cancel);
            await audit.AppendAsync(new AuditDraft(person.Email, "experiment.import", $"experiment:{experiment.Id}", experiment.Title, person.From), cancel);
            await transaction.CommitAsync(cancel);
        }
        await RefreshAsync(cancel);
    }

    public async Task RefreshAsync(CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        library.SetImported(await connection.Command("SELECT body FROM chaos.experiment").ListAsync(r => JsonSerializer.Deserialize<Experiment>(r.Get<string>("body"), OperationJson.Options)!, cancel));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RefreshAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                NotRead(log, failure.Message);
            }
            await Task.Delay(Interval, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(5330, LogLevel.Warning, "Imported experiments could not be read, the last ones stay: {Reason}")]
    private static partial void NotRead(ILogger log, string reason);
}
