using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Operations;

/// <summary>One operation, live. Everything shown is read from the database, so that a reload or another node shows the same.</summary>
public sealed partial class OperationPage : IDisposable
{
    private const int JournalShown = 200;
    private readonly CancellationTokenSource _gone = new();
    private Operation? _operation;
    private List<OperationEvent> _journal = [];
    private string? _problem;
    private Guid _followed;

    [Parameter]
    public Guid Id { get; set; }

    [Inject]
    public required OperationReader Reader { get; set; }

    [Inject]
    public required IOperationFeed Feed { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    private string Remaining => _operation switch
    {
        { State: OperationState.Running, StartedAt: { } started, ProgressPercent: > 5 and < 100 } running =>
            $"About {Say.Duration((Clock.GetUtcNow() - started).TotalSeconds / running.ProgressPercent * (100 - running.ProgressPercent))} left.",
        { StartedAt: { } started, EndedAt: { } ended } => $"Took {Say.Duration((ended - started).TotalSeconds)}.",
        _ => "",
    };

    private bool MayTakeBack => _operation?.MayTakeBack(Clock.GetUtcNow()) == true;

    /// <summary>Past its commit window a move is taken back by a new one, planned and checked as any; null where this is no move or can still be taken back.</summary>
    private (string Address, string Words)? WayBack => !MayTakeBack && _operation is { Kind: OperationKinds.Failover, State: OperationState.Succeeded } moved
        && moved.Request["cluster"]?.GetValue<string>() is { } cluster && moved.Request["source"]?.GetValue<string>() is { } home
        ? ($"/failover?cluster={Uri.EscapeDataString(cluster)}&target={Uri.EscapeDataString(home)}&strategy=immediate&planned=true", $"Plan the move back to {home}") : null;

    protected override async Task OnParametersSetAsync()
    {
        if (_followed == Id) return;
        var first = _followed == default;
        (_followed, _operation, _journal) = (Id, null, []);
        // One watch for the page's whole life, begun before the first reading: what happens in between is not missed.
        if (first && RendererInfo.IsInteractive) _ = OperationWatch.RunAsync(Feed, s => s.OperationId == Id, () => InvokeAsync(ShowAsync), _gone.Token);
        await LoadAsync();
    }

    private async Task ShowAsync()
    {
        await LoadAsync();
        StateHasChanged();
    }

    private async Task LoadAsync()
    {
        var (id, read) = (Id, await Reader.FindAsync(Id));
        // Readings overlap, of a button and of the watch: an older one, or one of the operation before, changes nothing.
        if (read is null || id != Id || _operation?.LastEvent > read.LastEvent) return;
        _operation = read;
        var last = _journal.Count > 0 ? _journal[0].Sequence : Math.Max(0, read.LastEvent - JournalShown);
        var events = await Reader.EventsAsync(id, last);
        if (id != Id) return;
        foreach (var happened in events.Where(e => _journal.Count == 0 || e.Sequence > _journal[0].Sequence))
            _journal.Insert(0, happened);
        if (_journal.Count > JournalShown) _journal.RemoveRange(JournalShown, _journal.Count - JournalShown);
    }

    private async Task ActAsync(string verb)
    {
        var answer = await Browser.CallApiAsync("POST", $"/api/v1/operations/{Id}/{verb}", verb == "start" ? null : new { reason = $"{verb} on the page" });
        _problem = answer.Ok ? null : answer.Problem;
        if (answer.Ok && answer.Read("id") is { } other && other != Id.ToString()) Navigation.NavigateTo($"/operations/{other}");
        else await LoadAsync();
    }

    private string Line(OperationEvent happened)
    {
        var step = happened.Step is { } index && index < _operation!.Steps.Length ? _operation.Steps[index].Name : "";
        return string.Join(": ", new[] { step, Words(happened).Trim() }.Where(part => part.Length > 0));
    }

    private static string Words(OperationEvent happened) => happened.Kind == "state" ? $"{happened.Data?["from"]} → {happened.Data?["to"]} {happened.Text}" : happened.Text;

    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
    }
}
