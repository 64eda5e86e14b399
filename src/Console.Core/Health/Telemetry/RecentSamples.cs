using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>The samples of the last minutes, so that windows need not fill anew after a restart or a takeover. Cheap or not at all:
/// observing does not wait for a slow database.</summary>
public sealed partial class RecentSamples(ConsoleDatabase database, SeriesIds ids, ProbePlan plan, IOptions<ObservationOptions> options, TimeProvider time, ILogger<RecentSamples> log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    public async Task<IReadOnlyList<ProbeSample>> ReadAsync(CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);
        try
        {
            return await QueryAsync(limit.Token);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested && e is NpgsqlException or OperationCanceledException or IOException or SocketException or TimeoutException)
        {
            LogLeftOut(e.Message);
            return [];
        }
    }

    private async Task<List<ProbeSample>> QueryAsync(CancellationToken cancel)
    {
        var indexOf = (await ids.ProbesAsync(plan, cancel)).Select((id, index) => (id, index)).ToDictionary(p => p.id, p => p.index);
        var samples = new List<ProbeSample>();
        await using var command = database.App.CreateCommand("SELECT probe, at, outcome, duration_us, status FROM telemetry.sample WHERE at >= $1 AND probe = ANY ($2) ORDER BY at");
        command.Parameters.Add(new NpgsqlParameter { Value = time.GetUtcNow().AddSeconds(-options.Value.WindowSeconds).UtcDateTime });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. indexOf.Keys] });
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
            samples.Add(new ProbeSample(indexOf[rows.GetInt32(0)], rows.GetFieldValue<DateTimeOffset>(1), (ProbeOutcome)rows.GetInt16(2), rows.GetInt32(3), rows.GetInt16(4)));
        return samples;
    }

    [LoggerMessage(2012, LogLevel.Information, "Windows start empty: recent samples could not be read ({Reason})")]
    private partial void LogLeftOut(string reason);
}
