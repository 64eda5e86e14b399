using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Schedules;

namespace OpsConsole.Core.Tests.Backups;

public sealed class CalendarTests
{
    private static readonly TimeZoneInfo Dublin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Dublin");
    private static readonly LoadFacts Calm = new(100e6, 10e6, 5, 300);

    private static DateTimeOffset Utc(int month, int day, int hour, int minute = 0) => new(2026, month, day, hour, minute, 0, TimeSpan.Zero);

    [Fact]
    public void Latest_ClocksGoForward_IsDueWhenTheGapEnds()
    {
        // On 29 March 2026 at 01:00 Irish clocks become 02:00: there is no 01:30.
        Assert.Equal(Utc(3, 28, 1, 30), BackupCalendar.Latest("01:30", Dublin, Utc(3, 29, 0, 59)));
        Assert.Equal(Utc(3, 29, 1), BackupCalendar.Latest("01:30", Dublin, Utc(3, 29, 1)));
        Assert.Equal(Utc(3, 30, 0, 30), BackupCalendar.Next("01:30", Dublin, Utc(3, 29, 1)));
    }

    [Fact]
    public void Next_ClocksGoBack_IsDueOnce()
    {
        // On 25 October 2026 at 02:00 Irish clocks become 01:00: 01:30 comes twice.
        var first = BackupCalendar.Next("01:30", Dublin, Utc(10, 24, 12));
        Assert.Equal(Utc(10, 25, 0, 30), first);
        Assert.Equal(Utc(10, 26, 1, 30), BackupCalendar.Next("01:30", Dublin, first));
    }

    [Theory]
    [InlineData(100, 10, 5, 6)]
    [InlineData(100, 5000, 5, 3)]
    [InlineData(100, 9000, 5, 1.5)]
    [InlineData(1, 1, 5, 12)]
    [InlineData(1, 1, 200, 1)]
    public void Interval_LoadAndRisk_AdaptWithinLimits(double megabytesPerHour, double megabytesSince, double restorableAge, double hours)
    {
        var facts = new LoadFacts(megabytesPerHour * 1024 * 1024, megabytesSince * 1024 * 1024, restorableAge, 300);

        var (interval, reason) = BackupCalendar.Interval(new BackupPolicyOptions { Cluster = "orders" }, facts);

        Assert.Equal(hours, interval.TotalHours);
        Assert.NotEmpty(reason);
    }

    [Fact]
    public void Ahead_AWeek_HasAFullADayAndIncrementalsBetweenThem()
    {
        var now = Utc(3, 1, 12);

        var runs = BackupCalendar.Ahead(new BackupPolicyOptions { Cluster = "orders" }, TimeZoneInfo.Utc, Utc(3, 1, 8), Calm, now, TimeSpan.FromDays(7));

        Assert.Equal(7, runs.Count(r => r.Purpose == RunPurpose.Full));
        Assert.Equal(7, runs.Count(r => r.Purpose == RunPurpose.Verify));
        Assert.Equal([Utc(3, 1, 14), Utc(3, 1, 20), Utc(3, 2, 8), Utc(3, 2, 14), Utc(3, 2, 20)], runs.Where(r => r.Purpose == RunPurpose.Incremental).Take(5).Select(r => r.At));
        var first = BackupCalendar.Ahead(new BackupPolicyOptions { Cluster = "orders" }, TimeZoneInfo.Utc, null, Calm, now, TimeSpan.FromDays(7)); // nothing to build on yet
        Assert.Equal((Utc(3, 2, 2), Utc(3, 2, 8)), (first.First(r => r.Purpose == RunPurpose.Full).At, first.First(r => r.Purpose == RunPurpose.Incremental).At));
        Assert.DoesNotContain(BackupCalendar.Ahead(new BackupPolicyOptions { Cluster = "orders" }, TimeZoneInfo.Utc, null, Calm, now, TimeSpan.FromHours(8)), r => r.Purpose == RunPurpose.Incremental);
        Assert.Empty(BackupCalendar.Ahead(new BackupPolicyOptions { Cluster = "orders", Scheduled = false }, TimeZoneInfo.Utc, null, Calm, now, TimeSpan.FromDays(7)));
    }
}
