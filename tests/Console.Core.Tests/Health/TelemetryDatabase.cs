using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Health.Telemetry;
using OpsConsole.Core.Live;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Health;

/// <summary>A real database with the telemetry parts on top, at a time of the test's choice.</summary>
internal sealed class TelemetryDatabase : IAsyncDisposable
{
    private TelemetryDatabase(TestDatabase database, FleetOptions options, DateTimeOffset now)
    {
        Database = database;
        Fleet = new FleetModel(options);
        Plan = ProbePlan.From(Fleet);
        Time = new FakeTimeProvider(now);
        Ids = new SeriesIds(database.Console);
        var settings = ProbedFleet.Settings();
        var state = new FleetState(Fleet, Plan, new FleetFeed(), Buffer, Buffer, settings, Time);
        Writer = new TelemetryWriter(Buffer, Ids, Plan, database.Console, state, settings, Time, NullLogger<TelemetryWriter>.Instance);
        RollUp = new RollUp(database.Console, Writer, Time);
        History = new TelemetryHistory(database.Console, Ids, Fleet, settings, Time);
    }

    public TestDatabase Database { get; }
    public FleetModel Fleet { get; }
    public ProbePlan Plan { get; }
    public FakeTimeProvider Time { get; }
    public TelemetryBuffer Buffer { get; } = new();
    public SeriesIds Ids { get; }
    public TelemetryWriter Writer { get; }
    public RollUp RollUp { get; }
    public TelemetryHistory History { get; }

    /// <param name="now">near the real time: partitions are those of the database's clock</param>
    public static async Task<TelemetryDatabase> CreateAsync(DateTimeOffset now, params (string, ServiceTier)[] services) =>
        new(await TestDatabase.CreateAsync(TelemetryDb.ConsoleSchema), ProbedFleet.Options(1, services), now);

    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var command = Database.Console.App.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public ValueTask DisposeAsync() => Database.DisposeAsync();
}
