using System.Globalization;
using OpsConsole.Core.Drills.Schedules;

namespace OpsConsole.Core.Tests.Drills;

public sealed class DrillCalendarTests
{
    private static readonly TimeZoneInfo Dublin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Dublin");
    private static readonly TimeZoneInfo NewYork = TimeZoneInfo.FindSystemTimeZoneById("America/New_York");
    private static readonly TimeZoneInfo Utc = TimeZoneInfo.Utc;

    [Theory]
    [InlineData(Cadence.Daily, "2026-11-23T02:59:59Z", "2026-11-23T03:00:00Z")]
    [InlineData(Cadence.Daily, "2026-11-23T03:00:00Z", "2026-11-24T03:00:00Z")]
    [InlineData(Cadence.Weekly, "2026-11-23T00:00:00Z", "2026-11-29T03:00:00Z")]
    [InlineData(Cadence.Monthly, "2026-02-01T00:00:00Z", "2026-02-28T03:00:00Z")]
    [InlineData(Cadence.Monthly, "2028-02-01T00:00:00Z", "2028-02-29T03:00:00Z")]
    [InlineData(Cadence.Quarterly, "2026-02-01T00:00:00Z", "2026-04-30T03:00:00Z")]
    [InlineData(Cadence.Annual, "2026-11-23T00:00:00Z", "2027-01-31T03:00:00Z")]
    public void Next_OfEachCadence_IsAsWritten(Cadence every, string after, string expected)
    {
        var schedule = new ScheduleOptions { Every = every, DayOfMonth = 31, At = "03:00" };

        Assert.Equal(At(expected), DrillCalendar.Next(schedule, Utc, At(after)));
        Assert.Equal(At(expected), DrillCalendar.Previous(schedule, Utc, At(expected)));
        Assert.True(DrillCalendar.Previous(schedule, Utc, At(after)) <= At(after));
    }

    [Theory]
    [InlineData("2027-03-27", "2027-03-27T01:30:00Z")] // winter: UTC
    [InlineData("2027-03-28", "2027-03-28T01:00:00Z")] // 01:30 does not exist: the first moment that does, 02:00 summer time
    [InlineData("2027-03-29", "2027-03-29T00:30:00Z")] // summer: UTC+1
    [InlineData("2027-10-31", "2027-10-31T00:30:00Z")] // 01:30 comes twice: the first
    [InlineData("2027-11-01", "2027-11-01T01:30:00Z")]
    public void Next_WhereClocksChange_EachDayHasOneOccurrence(string day, string expected)
    {
        var schedule = new ScheduleOptions { Every = Cadence.Daily, At = "01:30" };
        var noonBefore = At($"{day}T12:00:00Z").AddDays(-1);

        var next = DrillCalendar.Next(schedule, Dublin, noonBefore);

        Assert.Equal(At(expected), next);
        Assert.True(DrillCalendar.Next(schedule, Dublin, next) - next >= TimeSpan.FromHours(22), "it comes twice");
        Assert.Equal(next, DrillCalendar.Previous(schedule, Dublin, next.AddHours(2)));
    }

    [Theory]
    [InlineData("2027-03-14T00:00:00Z", "2027-03-14T07:00:00Z")] // 02:30 does not exist: 03:00 summer time
    [InlineData("2027-11-07T00:00:00Z", "2027-11-07T07:30:00Z")] // 02:30 is past the hour that comes twice
    public void Next_InNewYork_IsTheFirstMomentThatExists(string after, string expected) =>
        Assert.Equal(At(expected), DrillCalendar.Next(new ScheduleOptions { Every = Cadence.Daily, At = "02:30" }, NewYork, At(after)));

    [Fact]
    public void Next_OverAYearMinuteByMinute_NeverSkipsADayAndNeverRepeatsOne()
    {
        var schedule = new ScheduleOptions { Every = Cadence.Daily, At = "01:15" };
        var seen = new List<DateTimeOffset>();
        for (var moment = At("2027-01-01T12:00:00Z"); moment < At("2028-01-01T12:00:00Z"); moment = moment.AddMinutes(30))
        {
            var due = DrillCalendar.Previous(schedule, Dublin, moment);
            if (seen.Count == 0 || seen[^1] != due) seen.Add(due);
        }

        Assert.Equal(366, seen.Count); // the one before the first noon and 365 more
        Assert.Equal(366, seen.Select(s => TimeZoneInfo.ConvertTime(s, Dublin).Date).Distinct().Count());
    }

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
