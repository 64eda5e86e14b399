using Npgsql;

namespace OpsConsole.Core.Persistence;

/// <summary>The console's own state. The owner migrates; the console itself runs as <see cref="App"/>, a role that may only
/// insert into and read the audit table. Both connection strings may name several hosts.</summary>
public sealed class ConsoleDatabase : IAsyncDisposable
{
    public ConsoleDatabase(string ownerConnectionString, string appConnectionString)
    {
        OwnerConnectionString = ownerConnectionString;
        AppConnectionString = appConnectionString;
        AppRole = new NpgsqlConnectionStringBuilder(appConnectionString).Username
            ?? throw new ArgumentException("ConnectionStrings:Console names no Username.", nameof(appConnectionString));
        App = NpgsqlDataSource.Create(appConnectionString);
    }

    /// <summary>For migrations only.</summary>
    public string OwnerConnectionString { get; }
    public string AppConnectionString { get; }
    public string AppRole { get; }
    public NpgsqlDataSource App { get; }

    public ValueTask DisposeAsync() => App.DisposeAsync();
}
