using System.Globalization;
using Npgsql;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <param name="Value">0: nobody has acted yet</param>
/// <param name="Operation">that acted with it</param>
public readonly record struct FleetEpoch(long Value, Guid? Operation);

/// <summary>The newest epoch that acted on a node and whose it is, kept by the node itself, standby or primary (<c>ALTER SYSTEM</c>, so it
/// survives a restart and a promotion). Compared and set under the cluster's advisory lock: a lower epoch is refused, and so is the same one of
/// another operation.</summary>
public static class EpochRegister
{
    private const string Setting = "opsconsole.epoch";

    public static async Task<FleetEpoch> ReadAsync(NpgsqlConnection node, CancellationToken cancel) =>
        Parse(await node.ScalarAsync<string>($"SELECT setting FROM pg_file_settings WHERE name = '{Setting}' ORDER BY seqno DESC LIMIT 1", cancel));

    /// <summary>Sets the epoch unless the node knows a higher one.</summary>
    /// <returns>false: a higher epoch has acted here, so whoever asks has been replaced</returns>
    public static async Task<bool> RaiseAsync(NpgsqlConnection node, long epoch, Guid operation, CancellationToken cancel)
    {
        var wanted = new FleetEpoch(epoch, operation);
        var known = await ReadAsync(node, cancel);
        if (known == wanted) return true;
        if (known.Value >= epoch) return false;
        var text = string.Create(CultureInfo.InvariantCulture, $"{epoch} {operation}");
        // ALTER SYSTEM knows a setting of an extension only once the session does.
        await node.ExecuteAsync($"SELECT set_config('{Setting}', '{text}', false)", cancel);
        await node.ExecuteAsync($"ALTER SYSTEM SET {Setting} = '{text}'", cancel);
        return await ReadAsync(node, cancel) == wanted;
    }

    private static FleetEpoch Parse(string? text) => (text ?? "0").Split(' ') switch
    {
        [var value, var operation] => new FleetEpoch(long.Parse(value, CultureInfo.InvariantCulture), Guid.Parse(operation)),
        [var value] => new FleetEpoch(long.Parse(value, CultureInfo.InvariantCulture), null),
        _ => throw new FormatException($"{Setting} is '{text}', which no operation writes."),
    };
}
