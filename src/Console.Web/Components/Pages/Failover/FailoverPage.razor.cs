using System.Text.Json;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Failover;

/// <summary>Readiness of every target, and the plan of the one that was chosen. What was chosen is in the address.</summary>
public partial class FailoverPage
{
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(3);
    private readonly HashSet<string> _overrides = [];
    private List<(string Target, ReadinessState? Reading)> _readiness = [];
    private Advice _advice = new(FailoverStrategy.Immediate, true, []);
    private ShownPlan _chosen = new(null, null);
    private ClusterOptions? _cluster;
    private string _source = "";
    private string _reason = "";
    private string _glass = "";
    private string? _refusal;
    private string _key = Guid.NewGuid().ToString();
    private bool _manual;
    private double? _mostMegabytes;
    private bool _reading;
    private DateTimeOffset _readAt;

    [SupplyParameterFromQuery(Name = "cluster")]
    public string? ClusterId { get; set; }

    [SupplyParameterFromQuery]
    public string? Target { get; set; }

    [SupplyParameterFromQuery(Name = "strategy")]
    public string? StrategyWord { get; set; }

    [SupplyParameterFromQuery]
    public bool? Planned { get; set; }

    [SupplyParameterFromQuery(Name = "scope")]
    public string? ScopeWord { get; set; }

    /// <summary>Of a partial scope, separated by commas.</summary>
    [SupplyParameterFromQuery(Name = "services")]
    public string? ServiceIds { get; set; }

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Inject]
    public required OperationService Operations { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    private FailoverStrategy Strategy => Enum.TryParse<FailoverStrategy>(StrategyWord, ignoreCase: true, out var chosen) ? chosen : _advice.Strategy;

    private FailoverScope Scope => Enum.TryParse<FailoverScope>(ScopeWord, ignoreCase: true, out var chosen) ? chosen : FailoverScope.Full;

    private IReadOnlyList<string> Services => Scope == FailoverScope.Partial ? [.. (ServiceIds ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)] : [];

    /// <summary>Only a loss that is accepted has a bound.</summary>
    private long? MostLost => !IsPlanned && _overrides.Contains(FailoverPreflight.NoLoss) && _mostMegabytes is { } most and >= 0 ? (long)(most * (1 << 20)) : null;

    private bool IsPlanned => Planned ?? SourceServes;

    private bool SourceServes => Picture.Clusters.GetValueOrDefault(_cluster?.Id ?? "") is { PrimaryRegion: not null, WriteAvailable: not false };

    protected override bool Concerns(ILiveEntity entity) => entity is ClusterState or LinkState or RegionState or ReadinessState;

    protected override async Task OnParametersSetAsync()
    {
        _cluster = Fleet.Clusters.GetValueOrDefault(ClusterId ?? "") ?? Fleet.Options.Clusters.FirstOrDefault();
        if (_cluster is null) return;
        if (Target is not null && _cluster.Nodes.All(n => n.Region != Target)) Target = null;
        _overrides.Clear();
        _refusal = null;
        await ReadAsync();
    }

    protected override void OnPicture()
    {
        ReadReadiness();
        if (Target is not null && !_reading && Clock.GetUtcNow() - _readAt >= Renewal) _ = InvokeAsync(async () =>
        {
            await ReadAsync();
            StateHasChanged();
        });
    }

    private async Task ReadAsync()
    {
        _reading = true;
        _readAt = Clock.GetUtcNow();
        ReadReadiness();
        try
        {
            if (Target is not { } chosen) return;
            _advice = StrategyAdvisor.Recommend(Situation(_cluster!.Id, chosen));
            _chosen = await PlanAsync(chosen, Strategy, IsPlanned, [.. _overrides]);
        }
        finally
        {
            _reading = false;
        }
    }

    /// <summary>From the picture: it is measured all the time, whoever looks.</summary>
    private void ReadReadiness()
    {
        if (_cluster is not { } cluster) return;
        _source = Picture.Clusters.GetValueOrDefault(cluster.Id)?.PrimaryRegion ?? cluster.PrimaryRegion;
        _readiness = [.. Fleet.RegionsByPriority.Select(r => r.Id).Where(r => r != _source && cluster.Nodes.Any(n => n.Region == r))
            .Select(target => (target, Picture.Readiness.GetValueOrDefault(LinkState.KeyOf(cluster.Id, _source, target))))];
    }

    private Situation Situation(string cluster, string target)
    {
        var lag = Picture.Links.GetValueOrDefault(LinkState.KeyOf(cluster, _source, target));
        var ready = _readiness.FirstOrDefault(r => r.Target == target).Reading;
        return new Situation(SourceServes, Picture.Regions.GetValueOrDefault(target)?.Status == HealthStatus.Healthy,
            ready is null ? lag is not null : !ready.Checks.Any(c => c is { Id: "lag-within-rpo", Verdict: CheckVerdict.Blocking }), MajorUpdate: false, CausesKnown: true);
    }

    private async Task<ShownPlan> PlanAsync(string target, FailoverStrategy strategy, bool planned, IReadOnlyList<string> overrides)
    {
        try
        {
            var request = new FailoverRequest(_cluster!.Id, _source, target, strategy, planned, Scope, Services, [.. overrides.Order(StringComparer.Ordinal)], MaxLostBytes: MostLost);
            if (Scope == FailoverScope.Partial && Services.Count == 0) return new ShownPlan(null, "Choose the services that move.");
            return new ShownPlan(await Operations.PreviewAsync(OperationKinds.Failover, JsonSerializer.SerializeToNode(request, OperationJson.Options)!.AsObject()), null);
        }
        catch (RequestRefusedException refused)
        {
            return new ShownPlan(null, refused.Message);
        }
    }

    private async Task OverrideAsync(string check)
    {
        if (!_overrides.Remove(check)) _overrides.Add(check);
        await ReadAsync();
    }

    /// <summary>One key for one plan: pressing twice, or again after the connection was lost, asks once.</summary>
    private async Task AskAsync(PlanPreview preview, string? glass, Proof proof)
    {
        var answer = await Browser.CallApiAsync("POST", "/api/v1/failovers", new
        {
            cluster = _cluster!.Id, source = _source, target = Target, strategy = Strategy.ToString(), planned = IsPlanned, scope = Scope.ToString(), services = Services, overrides = _overrides.Order(StringComparer.Ordinal), maxLostBytes = MostLost, planHash = preview.Hash,
            reason = _reason, start = _manual ? "manual" : null, breakGlass = glass is null ? null : new { reason = glass },
        }, proof, glass is null ? _key : $"{_key}.glass");
        if (!answer.Ok)
        {
            _refusal = answer.Problem;
            await ReadAsync();
            return;
        }
        _key = Guid.NewGuid().ToString();
        Navigation.NavigateTo(answer.Read("approvalId") is { } approval ? $"/approvals/{approval}" : $"/operations/{answer.Read("operationId")}");
    }

    private bool MayAsk(PlanPreview preview) => _reason.Trim().Length > 0 && !preview.Preflight.Blocking(preview.Plan).Any();

    private static string Verb(PlanPreview preview) => preview.Approval.Required ? $"Ask: {preview.Plan.Title}" : preview.Plan.Title;

    private static string Agreement(ApprovalRule rule) => rule.Required
        ? $"{(rule.Approvers == 1 ? "One approver" : $"{rule.Approvers} approvers")} must agree{(rule.StepUp ? ", with a second factor" : "")}."
        : "Nobody has to agree.";

    private string Address(string target, FailoverStrategy strategy, bool planned, FailoverScope? scope = null) => Address(target, strategy, planned, scope ?? Scope, Services);

    private string Address(string target, FailoverStrategy strategy, bool planned, FailoverScope scope, IReadOnlyList<string> services) =>
        $"/failover?cluster={_cluster!.Id}&target={target}&strategy={JsonNamingPolicy.CamelCase.ConvertName(strategy.ToString())}&planned={(planned ? "true" : "false")}"
        + (scope == FailoverScope.Full ? "" : $"&scope={JsonNamingPolicy.CamelCase.ConvertName(scope.ToString())}") + (scope == FailoverScope.Partial && services.Count > 0 ? $"&services={string.Join(',', services)}" : "");

    private void Choose(string service) => Navigation.NavigateTo(Address(Target!, Strategy, IsPlanned, FailoverScope.Partial, Services.Contains(service) ? [.. Services.Where(s => s != service)] : [.. Services, service]));

    private static string ScopeWords(FailoverScope scope) => scope switch
    {
        FailoverScope.Full => "Everything",
        FailoverScope.Rolling => "One after the other",
        _ => "Chosen services",
    };

    private static double? Number(PlanPreview preview, string name) => Estimate.Read(preview.Preflight.Estimate, name);

    private static RenderFragment Ready(ReadinessState? reading) => reading?.Checks is not { } checks ? StatusMark.Of(HealthStatus.Unknown, "not measured yet", "")
        : checks.Any(c => c.Verdict == CheckVerdict.Blocking) ? StatusMark.Of(HealthStatus.Failed, "blocked", "")
        : checks.Any(c => c.Verdict == CheckVerdict.Warning) ? StatusMark.Of(HealthStatus.Degraded, "ready, with warnings", "")
        : StatusMark.Of(HealthStatus.Healthy, "ready", "");

    private static string Counts(ReadinessState? reading) => reading?.Checks is { } checks
        ? $"{Say.Share(checks.Count(c => c.Verdict == CheckVerdict.Passed), checks.Length)} passed{string.Concat(checks.Where(c => c.Verdict != CheckVerdict.Passed).OrderByDescending(c => c.Verdict).Select(c => $"; {c.Id}: {c.Measured}"))}"
        : "";
}

/// <param name="Problem">why there is no plan; null when there is one</param>
public sealed record ShownPlan(PlanPreview? Preview, string? Problem);
