using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Pages.History;
using OpsConsole.Web.Components.Pages.Regions;
using OpsConsole.Web.Components.Pages.Replication;
using OpsConsole.Web.Components.Pages.Services;
using ServicesPage = OpsConsole.Web.Components.Pages.Services.Services;

namespace OpsConsole.Web.Tests.Components;

public sealed class PagesTests : PageContext
{
    private NavigationManager Navigation => Services.GetRequiredService<NavigationManager>();

    [Fact]
    public void Region_ServiceFails_RowAndCountFollow()
    {
        var page = Render<Region>(p => p.Add(r => r.Id, "west"));
        Assert.Contains("2 of 2 (100 %)", page.Markup);

        Fleet.PublishService("west-api", HealthStatus.Failed);

        page.WaitForAssertion(() =>
        {
            Assert.Contains("1 of 2 (50 %)", page.Markup);
            Assert.Contains("west-api", page.FindAll("tr.service-row").Single(r => r.QuerySelector(".status-failed") is not null).TextContent);
        });
    }

    [Fact]
    public void Region_Undeclared_SaysSo()
    {
        var page = Render<Region>(p => p.Add(r => r.Id, "nowhere"));

        Assert.Contains("No such region", page.Markup);
    }

    [Fact]
    public void Services_FilterInAddress_ShowsThatPart()
    {
        Navigation.NavigateTo("/services?region=east&kind=api");
        var page = Render<ServicesPage>();

        Assert.Contains("1 of 4 shown (25 %)", page.Markup);
    }

    [Fact]
    public void Services_ChooseRegion_GoesIntoTheAddress()
    {
        Navigation.NavigateTo("/services");
        var page = Render<ServicesPage>();

        page.FindAll("select")[0].Change("west");

        Assert.EndsWith("/services?region=west", Navigation.Uri, StringComparison.Ordinal);
    }

    [Fact]
    public void Services_NothingMatches_SaysHowManyThereAre()
    {
        Navigation.NavigateTo("/services?text=zzz");
        var page = Render<ServicesPage>();

        Assert.Contains("No service matches", page.Markup);
        Assert.Contains("4 are declared", page.Markup);
    }

    [Fact]
    public void Services_StatusFilter_FollowsTheLivePicture()
    {
        Navigation.NavigateTo("/services?status=failed");
        var page = Render<ServicesPage>();
        Assert.Contains("No service matches", page.Markup);

        Fleet.PublishService("east-db", HealthStatus.Failed);

        page.WaitForAssertion(() => Assert.Contains("1 of 4 shown (25 %)", page.Markup));
    }

    [Fact]
    public void Service_Page_ShowsWhatNeedsItAndWhatItNeeds()
    {
        var page = Render<Service>(p => p.Add(s => s.Id, "east-api"));

        Assert.Contains("east-db", page.Find("a[href='/services/east-db']").TextContent);
        Assert.Contains("high tier", page.Markup);
    }

    [Fact]
    public void Replication_PrimaryLost_SaysNone()
    {
        var page = Render<Replication>();
        Assert.Contains("any 1 of 1", page.Markup);

        var cluster = Fleet.Picture.Clusters["orders"];
        Fleet.Publish(HealthStatus.Critical, cluster with { PrimaryRegion = null, WriteAvailable = false, Status = HealthStatus.Failed, Version = 2 });

        page.WaitForAssertion(() => Assert.Contains("not acknowledged", page.Markup));
    }

    [Fact]
    public void Replication_Drift_IsShown()
    {
        var cluster = Fleet.Picture.Clusters["orders"];
        Fleet.Publish(HealthStatus.Healthy, cluster with { Drift = ["the primary is west, declared is east"], Version = 2 });

        var page = Render<Replication>();

        Assert.Contains("the primary is west, declared is east", page.Find(".banner-warning").TextContent);
    }

    [Fact]
    public void History_Address_DecidesTheQuestion()
    {
        Navigation.NavigateTo("/history?metric=rpo&keys=orders&range=1y");
        var page = Render<History>();

        var query = Assert.Single(Kept.Asked);
        Assert.Equal(Core.Health.HistoryMetric.Rpo, query.Metric);
        Assert.Equal(["orders"], query.Keys);
        Assert.Equal(TimeSpan.FromDays(365), query.To - query.From);
        Assert.Contains("17.5 s", page.FindAll("td[data-label=Mean]").Single().TextContent); // 10 once, 20 three times
    }

    [Fact]
    public void History_RangeLongerThanAYear_IsRefusedInWords()
    {
        Navigation.NavigateTo("/history?range=custom&from=2020-01-01T00:00&to=2026-01-01T00:00");
        var page = Render<History>();

        Assert.Contains("a year at most", page.Find("[role=alert]").TextContent);
    }

    [Fact]
    public void History_Untick_GoesIntoTheAddress()
    {
        Navigation.NavigateTo("/history?metric=availability&keys=east,west");
        var page = Render<History>();

        page.FindAll("input[type=checkbox]")[0].Change(false);

        Assert.Contains("keys=west", Navigation.Uri, StringComparison.Ordinal);
    }
}
