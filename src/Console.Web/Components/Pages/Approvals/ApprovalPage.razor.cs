using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Approvals;

/// <summary>Everything that an approver must know, in one screen of a phone. Decisions go through the API, with the hash that is shown here.</summary>
public sealed partial class ApprovalPage
{
    private Approval? _approval;
    private Operation? _operation;
    private ApprovalPolicy? _proposed;
    private List<string> _policyChanges = [];
    private bool _rejecting;
    private string _reason = "";
    private string? _problem;

    [Parameter]
    public Guid Id { get; set; }

    [Inject]
    public required ApprovalService Service { get; set; }

    [Inject]
    public required OperationReader Operations { get; set; }

    [Inject]
    public required ApprovalPolicies Rules { get; set; }

    [Inject]
    public required Attention Attention { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    private string Title => _operation?.Plan.Title ?? (_approval?.Subject == "policy" ? "Another approval policy" : "Approval");

    private IEnumerable<PreflightCheck> Worrying => _operation?.Preflight.Checks.Where(c => c.Verdict != CheckVerdict.Passed) ?? [];

    /// <summary>Bytes, seconds and transactions, each or unknown.</summary>
    private string Loss => (Number("lostBytes"), Number("rpoSeconds"), Number("lostTransactions")) switch
    {
        (0, _, _) or (null, 0, _) => "nothing that was acknowledged",
        (null, null, _) => "unknown: nobody could measure it",
        var (bytes, seconds, transactions) => $"up to {(bytes is null ? "an unknown number of bytes" : Say.Bytes(bytes))}, {Say.Seconds(seconds)} of writes, {(transactions is null ? "an unknown number of transactions" : $"about {Say.Number(transactions)} transactions")}",
    };

    /// <summary>What is agreed to: of an accepted loss, no more than that.</summary>
    private string Bound => _operation?.Plan is { } plan && plan.Overrides.Any(o => o.Check == FailoverPreflight.NoLoss)
        ? plan.Bounds.TryGetValue(FailoverPlanner.LostBytesBound, out var most) ? $"; it turns back at more than {Say.Bytes(most)}" : "; no limit was set"
        : "";

    protected override void OnInitialized()
    {
        if (RendererInfo.IsInteractive) Attention.Changed += OnChanged;
    }

    protected override Task OnParametersSetAsync() => LoadAsync();

    private async Task LoadAsync()
    {
        try
        {
            _approval = await Service.GetAsync(Id);
        }
        catch (ApprovalNotFoundException)
        {
            _approval = null;
            return;
        }
        if (_approval.OperationId is { } operation) _operation = await Operations.FindAsync(operation);
        else await LoadPolicyAsync(_approval);
    }

    private async Task LoadPolicyAsync(Approval approval)
    {
        _proposed = await Rules.ProposedAsync(approval);
        if (_proposed is null) return;
        var (now, then) = (JsonNode.Parse((await Rules.CurrentAsync()).Policy.Canonical)!.AsObject(), JsonNode.Parse(_proposed.Canonical)!.AsObject());
        _policyChanges = [.. then.Where(m => !JsonNode.DeepEquals(m.Value, now[m.Key])).Select(m => $"{m.Key}: {now[m.Key]?.ToJsonString()} → {m.Value?.ToJsonString()}")];
    }

    private Task ApproveAsync(Proof proof) => DecideAsync("approve", new { planHash = _approval!.PlanHash, comment = "" }, proof);

    private Task RejectAsync() => DecideAsync("reject", new { reason = _reason }, Proof.None);

    private async Task DecideAsync(string verb, object body, Proof proof)
    {
        var answer = await Browser.CallApiAsync("POST", $"/api/v1/approvals/{Id}/{verb}", body, proof);
        _problem = answer.Ok ? null : answer.Problem;
        _rejecting &= !answer.Ok;
        await LoadAsync();
        await Attention.RefreshAsync();
    }

    private bool IsOverridden(string check) => _operation!.Plan.Overrides.Any(o => o.Check == check);

    private double? Number(string name) => _operation is null ? null : Estimate.Read(_operation.Preflight.Estimate, name);

    private void OnChanged() => _ = InvokeAsync(async () =>
    {
        await LoadAsync();
        StateHasChanged();
    });

    public void Dispose() => Attention.Changed -= OnChanged;
}
