using Bunit;
using Microsoft.AspNetCore.Components.Web;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Pages.Overview;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Tests.Components;

public sealed class SharedTests : PageContext
{
    private static readonly LiveLink Fresh = new(true, FakeFleet.Start);
    private static readonly LiveLink Stale = new(false, FakeFleet.Start);

    [Theory]
    [InlineData(null, "–")]
    [InlineData(0.0, "0 ms")]
    [InlineData(0.25, "250 ms")]
    [InlineData(12.34, "12.3 s")]
    [InlineData(263.0, "4 min 23 s")]
    public void Seconds_Value_InWords(double? value, string expected) => Assert.Equal(expected, Say.Seconds(value));

    [Theory]
    [InlineData(99.9999, "99.999 %")]
    [InlineData(100.0, "100 %")]
    [InlineData(null, "–")]
    public void Percent_AlmostAll_IsNeverRoundedUpToAll(double? value, string expected) => Assert.Equal(expected, Say.Percent(value));

    [Theory]
    [InlineData(HealthStatus.Unknown, "unknown")]
    [InlineData(HealthStatus.Critical, "critical")]
    public void StatusBadge_Status_IconWordAndColour(HealthStatus status, string word)
    {
        var badge = Render<StatusBadge>(p => p.Add(b => b.Status, status));

        Assert.Equal(word, badge.Find(".status").TextContent.Trim());
        Assert.Contains($"status-{word}", badge.Find(".status").ClassName);
        Assert.Equal($"/icons.svg#{word}", badge.Find("use").GetAttribute("href"));
    }

    [Fact]
    public void ConfirmHold_ShortPress_AsksOnceMore()
    {
        var confirmed = 0;
        var button = Render<ConfirmHold>(p => p.AddCascadingValue(Fresh).Add(b => b.Text, "Pause monitoring of west").Add(b => b.OnConfirm, () => confirmed++));

        button.Find("button").PointerDown(new PointerEventArgs());
        Clock.Advance(TimeSpan.FromMilliseconds(200));
        button.Find("button").Click();

        Assert.Equal(0, confirmed);
        button.FindAll("button").Single(b => b.TextContent.StartsWith("Yes, pause", StringComparison.Ordinal)).Click();
        Assert.Equal(1, confirmed);
    }

    [Fact]
    public void ConfirmHold_HeldLongEnough_Confirms()
    {
        var confirmed = 0;
        var button = Render<ConfirmHold>(p => p.AddCascadingValue(Fresh).Add(b => b.Text, "Pause").Add(b => b.OnConfirm, () => confirmed++));

        button.Find("button").PointerDown(new PointerEventArgs());
        Clock.Advance(TimeSpan.FromSeconds(1.2));
        button.Find("button").Click();

        Assert.Equal(1, confirmed);
    }

    [Fact]
    public void ConfirmHold_StalePicture_IsDisabled()
    {
        var button = Render<ConfirmHold>(p => p.AddCascadingValue(Stale).Add(b => b.Text, "Pause").Add(b => b.OnConfirm, () => { }));

        Assert.True(button.Find("button").HasAttribute("disabled"));
    }

    [Fact]
    public void TypeToConfirm_WrongName_StaysDisabled()
    {
        var confirmed = 0;
        var form = Render<TypeToConfirm>(p => p.AddCascadingValue(Fresh).Add(b => b.Text, "Fail over east to west").Add(b => b.Expected, "west").Add(b => b.OnConfirm, () => confirmed++));

        form.Find("input").Input("wes");
        form.Find("form").Submit();
        Assert.Equal(0, confirmed);
        Assert.True(form.Find("button").HasAttribute("disabled"));

        form.Find("input").Input("west");
        form.Find("form").Submit();
        Assert.Equal(1, confirmed);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void TopologyLayout_AnyPair_MiddleIsFreeOfOtherRegions(int count)
    {
        var regions = FakeRegions(count);
        var layout = new TopologyLayout(regions);

        foreach (var a in regions)
            foreach (var b in regions.Where(r => r != a))
            {
                var (ax, ay) = layout.Place(a.Id);
                var (bx, by) = layout.Place(b.Id);
                Assert.DoesNotContain(regions, c => c != a && c != b && Near(layout.Place(c.Id), (ax + bx) / 2, (ay + by) / 2));
            }
    }

    private static bool Near((double X, double Y) place, double x, double y) => Math.Abs(place.X - x) < 8 && Math.Abs(place.Y - y) < 20;

    private static List<RegionOptions> FakeRegions(int count) =>
        [.. Enumerable.Range(0, count).Select(i => new RegionOptions { Id = $"r{i}", Priority = i, Longitude = -120 + i * 40, Latitude = 10 * (i % 3) })];
}
