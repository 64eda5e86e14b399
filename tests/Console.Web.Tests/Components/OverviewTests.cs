using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Pages.Overview;

namespace OpsConsole.Web.Tests.Components;

public sealed class OverviewTests : PageContext
{
    [Fact]
    public void Render_AllHealthy_SaysSoWithCounts()
    {
        var page = Render<Overview>();

        Assert.Contains("2 of 2 regions healthy (100 %)", page.Markup);
        Assert.Contains("4 of 4 services healthy (100 %)", page.Markup);
        Assert.Equal(2, page.FindAll(".topology-region.status-healthy").Count);
    }

    [Fact]
    public void RegionFails_CardTurnsWithoutReload()
    {
        var page = Render<Overview>();

        Fleet.PublishRegion("west", HealthStatus.Failed, "no service answers");

        page.WaitForAssertion(() =>
        {
            Assert.Contains("failed", page.Find(".topology-region.status-failed").TextContent);
            Assert.Contains("1 of 2 regions healthy (50 %)", page.Markup);
        });
    }

    [Fact]
    public void LinkLags_LabelShowsTheHeartbeatLag()
    {
        var page = Render<Overview>();
        Assert.Contains("120 ms", page.Find(".topology-link").TextContent);

        Fleet.PublishLink(l => l with { HeartbeatLagSeconds = 65, Status = HealthStatus.Degraded });

        page.WaitForAssertion(() => Assert.Contains("65 s", page.Find(".topology-link .status-degraded").TextContent));
    }

    [Fact]
    public void View_Table_ShowsTheSameAsText()
    {
        Services.GetRequiredService<NavigationManager>().NavigateTo("/?view=table");
        var page = Render<Overview>();

        Assert.Empty(page.FindAll(".topology"));
        Assert.Contains("east → west", page.Markup);
        Assert.Equal(2, page.FindAll("table caption").Count(c => c.TextContent is "Regions" or "Replication links"));
    }

    [Fact]
    public void Rto_NeverMeasured_IsUnknownNotZero()
    {
        var page = Render<Overview>();

        var gauge = page.FindAll(".gauge").Single(g => g.TextContent.Contains("RTO", StringComparison.Ordinal));
        Assert.Contains("–", gauge.TextContent);
        Assert.Contains("not yet proven", page.Markup);
        Assert.Empty(gauge.QuerySelectorAll(".gauge-fill"));
    }

    [Fact]
    public void Budget_UsedUp_IsSpent()
    {
        var page = Render<Overview>();

        page.WaitForAssertion(() => Assert.Contains("spent", page.Find(".budgets .status-failed").TextContent));
    }

    [Fact]
    public void Changes_ReadOncePerPeriodForAllViewers()
    {
        Changes.Items.Add(new ChangeItem(FakeFleet.Start, "failover", "orders moved to west", "planned", "operator@example.org", ""));

        var first = Render<Overview>();
        var second = Render<Overview>();

        first.WaitForAssertion(() => Assert.Contains("orders moved to west", first.Markup));
        second.WaitForAssertion(() => Assert.Contains("orders moved to west", second.Markup));
        Assert.Equal(1, Changes.Reads);
    }

    [Fact]
    public void History_Unreadable_SaysSoAndTheRestGoesOn()
    {
        Kept.Failure = new TimeoutException("no answer");

        var page = Render<Overview>();

        page.WaitForAssertion(() => Assert.Contains("The history cannot be read now", page.Markup));
        Assert.NotEmpty(page.FindAll(".topology-region"));
    }
}
