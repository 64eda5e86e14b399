using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Approvals;

public sealed partial class Approvals
{
    private List<(Approval Approval, string Title)> _approvals = [];
    private string _notes = "";
    private string? _problem;

    [SupplyParameterFromQuery]
    public string? State { get; set; }

    [Inject]
    public required ApprovalService Service { get; set; }

    [Inject]
    public required OperationReader Operations { get; set; }

    [Inject]
    public required Attention Attention { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    protected override void OnInitialized()
    {
        if (RendererInfo.IsInteractive) Attention.Changed += OnChanged;
    }

    protected override Task OnParametersSetAsync() => LoadAsync();

    private async Task LoadAsync()
    {
        var found = await Service.ListAsync(State is null ? ApprovalState.Pending : null);
        var list = new List<(Approval, string)>();
        foreach (var approval in found)
            list.Add((approval, approval.OperationId is { } id && await Operations.FindAsync(id) is { } operation ? operation.Plan.Title : "Another approval policy"));
        _approvals = list;
    }

    private async Task CompleteAsync(Guid review)
    {
        var answer = await Browser.CallApiAsync("POST", $"/api/v1/reviews/{review}/complete", new { notes = _notes });
        _problem = answer.Ok ? null : answer.Problem;
        if (answer.Ok) _notes = "";
        await Attention.RefreshAsync();
    }

    private void OnChanged() => _ = InvokeAsync(async () =>
    {
        await LoadAsync();
        StateHasChanged();
    });

    public void Dispose() => Attention.Changed -= OnChanged;
}
