using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Live.Nodes;

/// <summary>Commands to the observing half from any node: a notification that the leading one hears.</summary>
public sealed class ObserverCommands(ConsoleDatabase database, FleetState state) : IObserver
{
    private const string Channel = "telemetry_command";
    private const string ResetCircuit = "resetCircuit:";

    public string Name => "observer commands";

    /// <summary>Closes a service's circuits (HE-5): failures so far are forgotten, the next samples decide. Takes effect within a second
    /// on the node that observes.</summary>
    public async Task ResetCircuitAsync(string service, CancellationToken cancel = default)
    {
        await using var command = database.App.CreateCommand("SELECT pg_notify($1, $2)");
        command.Parameters.Add(new NpgsqlParameter { Value = Channel });
        command.Parameters.Add(new NpgsqlParameter { Value = ResetCircuit + service });
        await command.ExecuteNonQueryAsync(cancel);
    }

    public async Task RunAsync(CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        connection.Notification += (_, notification) =>
        {
            if (notification.Payload.StartsWith(ResetCircuit, StringComparison.Ordinal))
                state.ResetCircuit(notification.Payload[ResetCircuit.Length..]);
        };
        await using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection))
            await listen.ExecuteNonQueryAsync(cancel);
        try
        {
            while (true)
                await connection.WaitAsync(cancel);
        }
        finally
        {
            if (connection.State == System.Data.ConnectionState.Open)
            {
                await using var unlisten = new NpgsqlCommand("UNLISTEN *", connection);
                await unlisten.ExecuteNonQueryAsync(CancellationToken.None);
            }
        }
    }
}
