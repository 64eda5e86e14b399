using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Audit;

/// <summary>Forgets who somebody was: the chain stays whole, the digest in it can no longer be tied to a person.</summary>
public sealed class AuditErasure(ConsoleDatabase database, TimeProvider clock)
{
    /// <returns>False when nobody with this e-mail or network address is known.</returns>
    public async Task<bool> EraseAsync(string value, CancellationToken cancel = default)
    {
        await using var command = database.App.CreateCommand("UPDATE audit.person SET value = NULL, salt = NULL, erased_at = @at WHERE value = @value");
        command.Parameters.AddWithValue("at", clock.GetUtcNow());
        command.Parameters.AddWithValue("value", value);
        return await command.ExecuteNonQueryAsync(cancel) > 0;
    }
}
