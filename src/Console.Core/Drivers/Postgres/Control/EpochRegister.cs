using System.Globalization;
using Npgsql;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <summary>The newest epoch that acted on a node, kept by the node itself, standby or primary (<c>ALTER SYSTEM</c>, so it survives a
/// restart and a promotion). Compared and set under the cluster's advisory lock: a lower epoch is refused.</summary>
public static class EpochRegister
{
    private const string Setting = "opsconsole.epoch";

    public static async Task<long> ReadAsync(NpgsqlConnection node, CancellationToken cancel)
    {
        var text = await node.ScalarAsync<string>($"SELECT setting FROM pg_file_settings WHERE name = '{Setting}' ORDER BY seqno DESC LIMIT 1", cancel);
        return text is null ? 0 : long.Parse(text, CultureInfo.InvariantCulture);
    }

    /// <summary>Sets the epoch unless the node knows a higher one.</summary>
    /// <returns>false: a higher epoch has acted here, so whoever asks has been replaced</returns>
    public static async Task<bool> RaiseAsync(NpgsqlConnection node, long epoch, CancellationToken cancel)
    {
        var known = await ReadAsync(node, cancel);
        if (known > epoch) return false;
        if (known == epoch) return true;
        var text = epoch.ToString(CultureInfo.InvariantCulture);
        // ALTER SYSTEM knows a setting of an extension only once the session does.
        await node.ExecuteAsync($"SELECT set_config('{Setting}', '{text}', false)", cancel);
        await node.ExecuteAsync($"ALTER SYSTEM SET {Setting} = '{text}'", cancel);
        return await ReadAsync(node, cancel) == epoch;
    }
}
