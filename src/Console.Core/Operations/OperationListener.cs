using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <summary>Listens for journal entries of all nodes (<c>NOTIFY ops</c>, sent by a trigger on the journal) and raises them here.</summary>
internal sealed class OperationListener(ConsoleDatabase database, OperationSignals signals, TimeProvider clock, ILogger<OperationListener> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                OperationsLog.ListenFailed(log, failure.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task ListenAsync(CancellationToken cancel)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.AppConnectionString) { Pooling = false, KeepAlive = 10 };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancel);
        connection.Notification += (_, notice) => Raise(notice.Payload);
        await connection.Command("LISTEN ops").ExecuteAsync(cancel);
        signals.Raise(new OperationSignal(Guid.Empty, 0, "")); // whatever was missed
        while (true)
            await connection.WaitAsync(cancel);
    }

    private void Raise(string payload)
    {
        if (payload.Split(' ') is [var id, var sequence, var kind] && Guid.TryParse(id, out var operation))
            signals.Raise(new OperationSignal(operation, long.Parse(sequence, CultureInfo.InvariantCulture), kind));
    }
}
