using Bunit;
using Bunit.TestDoubles;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Tests.Components;

/// <summary>Pages as an interactive circuit renders them, on a fleet made by hand.</summary>
public abstract class PageContext : BunitContext
{
    private protected FakeFleet Fleet { get; } = new();
    private protected FakeTimeProvider Clock { get; } = new(FakeFleet.Start);
    private protected FakeHistory Kept { get; } = new();
    private protected FakeObjectives Objectives { get; } = new();
    private protected FakeChanges Changes { get; } = new();

    /// <param name="more">services of one page, which must be known before the first is asked for</param>
    protected PageContext(Action<IServiceCollection>? more = null)
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddSingleton<TimeProvider>(Clock);
        Services.AddSingleton<IFleetFeed>(Fleet.Feed);
        Services.AddSingleton(Fleet.Model);
        Services.AddSingleton<IHistory>(Kept);
        Services.AddSingleton<IObjectives>(Objectives);
        Services.AddSingleton<IChangeSource>(Changes);
        Services.AddSingleton<RecentChanges>();
        Services.AddSingleton<FeedAge>();
        Services.AddSingleton<SharedReadings>();
        Services.AddSingleton<FleetDigests>();
        Services.AddScoped<LiveFleet>();
        Services.AddScoped<OpsConsole.Web.Components.Shared.AddressFilters>();
        more?.Invoke(Services);
        User = this.AddAuthorization();
        User.SetAuthorized("viewer@example.org");
        User.SetPolicies(Policies.ViewFleet);
        SetRendererInfo(new RendererInfo("Server", isInteractive: true));
        Fleet.PublishHealthy();
    }

    private protected BunitAuthorizationContext User { get; }
}

internal sealed class FakeHistory : IHistory
{
    public List<HistoryQuery> Asked { get; } = [];
    public Exception? Failure { get; set; }

    public Task<IReadOnlyList<HistorySeries>> ReadAsync(HistoryQuery query, CancellationToken cancel = default)
    {
        Asked.Add(query);
        if (Failure is not null) return Task.FromException<IReadOnlyList<HistorySeries>>(Failure);
        return Task.FromResult<IReadOnlyList<HistorySeries>>(
            [.. query.Keys.Select(key => new HistorySeries(key, "minute", [new HistoryPoint(query.From, 10, 20, 30, 40, 1), new HistoryPoint(query.To, 20, 30, 40, 50, 3)]))]);
    }
}

internal sealed class FakeObjectives : IObjectives
{
    public ClusterObjectives Cluster { get; set; } = new("orders", Core.Fleet.ServiceTier.Critical,
        new ObjectiveValue(900, "default", null, "not yet known", null, null), new ObjectiveValue(300, "cluster", 0.2, "heartbeats", null, null), null);

    public IReadOnlyList<ClusterObjectives> Current() => [Cluster];

    public Task<IReadOnlyList<ErrorBudget>> ErrorBudgetsAsync(CancellationToken cancel = default) => Task.FromResult<IReadOnlyList<ErrorBudget>>(
        [new ErrorBudget("database", 99.99, 262.8, 300, 40, FakeFleet.Start, FakeFleet.Start)]);
}

internal sealed class FakeChanges : IChangeSource
{
    public int Reads { get; private set; }
    public List<ChangeItem> Items { get; } = [];

    public Task<IReadOnlyList<ChangeItem>> ReadAsync(DateTimeOffset since, int limit, CancellationToken cancel)
    {
        Reads++;
        return Task.FromResult<IReadOnlyList<ChangeItem>>([.. Items]);
    }
}
