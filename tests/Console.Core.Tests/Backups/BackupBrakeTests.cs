using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Backups;

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
