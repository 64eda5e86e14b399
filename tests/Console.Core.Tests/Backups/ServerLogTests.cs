using OpsConsole.Core.Backups.Restoring;

namespace OpsConsole.Core.Tests.Backups;

public sealed class ServerLogTests
{
    [Fact]
    public void Reason_RecoveryEndedTooEarly_SaysSoAndWhatToDo()
    {
        var reason = ServerLog.Reason("""
            2026-11-23 13:13:51.501 UTC [6608] LOG:  database system is ready to accept read-only connections
            2026-11-23 13:13:51.600 UTC [6700] FATAL:  the database system is starting up
            2026-11-23 13:13:51.658 UTC [6619] FATAL:  recovery ended before configured recovery target was reached
            2026-11-23 13:13:51.681 UTC [6608] LOG:  database system is shut down
            """);

        Assert.StartsWith("Its log says: recovery ended before configured recovery target was reached. ", reason, StringComparison.Ordinal);
        Assert.Contains("choose an earlier moment", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Reason_NothingGrave_IsEmpty() => Assert.Empty(ServerLog.Reason("2026-11-23 13:13:51.681 UTC [6608] LOG:  database system is shut down"));
}
