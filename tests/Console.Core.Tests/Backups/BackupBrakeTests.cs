using Microsoft.Extensions.Time.Testing;
using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

public sealed class BackupBrakeTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(500);
    private readonly FakeTimeProvider _clock = new() { AutoAdvanceAmount = TimeSpan.Zero };
    private TimeSpan? _waiting;

    [Theory]
    [InlineData(null)]
    [InlineData(500.0)]
    public void Hold_WritesAreQuickEnough_GoesOnAtOnce(double? milliseconds)
    {
        _waiting = milliseconds is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
        var brake = Brake();
        Assert.True(brake.HoldAsync(default).AsTask().IsCompletedSuccessfully);
        Assert.Equal(TimeSpan.Zero, brake.Held);
    }

    [Fact]
    public async Task Hold_AWriteWaits_GoesOnWhenItIsAcknowledged()
    {
        _waiting = TimeSpan.FromMilliseconds(501);
        var brake = Brake();
        var held = brake.HoldAsync(default).AsTask();
        _clock.Advance(TimeSpan.FromMilliseconds(10));
        Assert.False(held.IsCompleted);

        _waiting = TimeSpan.FromMilliseconds(3);
        await PassAsync(held, TimeSpan.FromMilliseconds(10));

        Assert.InRange(brake.Held, TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(200));
    }

    [Fact]
    public async Task Hold_WritesStandStillThoughTheBackupDoes_GoesOnForAMinute()
    {
        _waiting = TimeSpan.FromSeconds(30);
        var brake = Brake();
        await PassAsync(brake.HoldAsync(default).AsTask(), TimeSpan.FromSeconds(1));
        Assert.True(brake.Held >= BackupBrake.Patience);
        Assert.True(brake.HoldAsync(default).AsTask().IsCompletedSuccessfully);

        _clock.Advance(BackupBrake.Unbraked);
        Assert.False(brake.HoldAsync(default).AsTask().IsCompleted);
    }

    [Fact]
    public void Hold_NoLimit_NeverAsks()
    {
        var brake = new BackupBrake(TimeSpan.Zero, () => throw new InvalidOperationException("asked"), _clock);
        Assert.True(brake.HoldAsync(default).AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Hold_AClientsWriteWaitsInTheServer_ReadingWaitsAndGoesOnAfterwards()
    {
        await using var database = await TestDatabase.CreateAsync();
        var postgres = await TestPostgres.SharedAsync();
        var cluster = new ClusterOptions { Id = "orders", Database = database.Name, Username = "postgres", WriteEndpoint = $"127.0.0.1:{postgres.Port}" };
        await using var meters = new PulseMeters(new FleetModel(new FleetOptions { Clusters = [cluster] }), TimeProvider.System);
        var options = new BackupsOptions { Policies = [new BackupPolicyOptions { Cluster = "orders", WriteLatencyMilliseconds = 200 }] };
        var brake = new WriteBrakes(meters, options, TimeProvider.System).Of(new TakeOrder("orders", BackupType.Logical, Guid.NewGuid()));
        var acknowledged = await BeatAsync(meters, brake, null);
        await using var blocker = new NpgsqlConnection(postgres.ConnectionString(database.Name));
        await blocker.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await blocker.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var block = new NpgsqlCommand($"LOCK TABLE {PostgresSql.HeartbeatTable} IN ACCESS EXCLUSIVE MODE", blocker, transaction)) await block.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        // Reading is not held back before a write has waited for 200 ms.
        Task held;
        while ((held = brake.HoldAsync(TestContext.Current.CancellationToken).AsTask()).IsCompletedSuccessfully) await Task.Yield();
        await transaction.RollbackAsync(TestContext.Current.CancellationToken);
        await held.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Assert.InRange(brake.Held, TimeSpan.FromMilliseconds(1), BackupBrake.Patience + TimeSpan.FromSeconds(1));
        Assert.True(await BeatAsync(meters, brake, acknowledged) > acknowledged);
    }

    /// <summary>Reads, as a backup does, until a newer heartbeat is acknowledged.</summary>
    private static async Task<DateTimeOffset> BeatAsync(PulseMeters meters, BackupBrake brake, DateTimeOffset? than)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        while (true)
        {
            await brake.HoldAsync(patience.Token);
            patience.Token.ThrowIfCancellationRequested();
            if (meters.Of("orders")!.LastAcknowledgedAt is { } at && !(at <= than)) return at;
            await Task.Yield();
        }
    }

    private BackupBrake Brake() => new(Limit, () => _waiting, _clock);

    private async Task PassAsync(Task held, TimeSpan step)
    {
        for (var i = 0; !held.IsCompleted && i < 100; i++)
        {
            _clock.Advance(step);
            await Task.Yield();
        }
        await held.WaitAsync(TimeSpan.FromSeconds(10));
    }
}
