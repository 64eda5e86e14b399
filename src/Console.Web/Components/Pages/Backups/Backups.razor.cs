using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Pages.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Backups;

/// <summary>Coverage, catalogue and policies. Renewed when an operation changes, and with the picture.</summary>
public partial class Backups
{
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private readonly CancellationTokenSource _gone = new();
    private Reading<IReadOnlyList<ClusterCoverage>> _coverage = null!;
    private Reading<IReadOnlyList<Backup>> _backups = null!;
    private string? _refusal;
    private bool _busy;
    private DateTimeOffset _readAt;

    [CascadingParameter]
    public LiveLink? Link { get; set; }

    [Inject]
    public required BackupCoverage Coverage { get; set; }

    [Inject]
    public required IBackupCatalogue Catalogue { get; set; }

    [Inject]
    public required BackupsOptions Options { get; set; }

    [Inject]
    public required BackupEngineRegistry Engines { get; set; }

    [Inject]
    public required SharedReadings Shared { get; set; }

    [Inject]
    public required IOperationFeed Feed { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [Inject]
    public required ILogger<Backups> Logger { get; set; }

    private bool Blocked => _busy || Link is { Fresh: false };

    protected override bool Concerns(ILiveEntity entity) => entity is ClusterState;

    protected override async Task OnInitializedAsync()
    {
        (_coverage, _backups) = (new(Logger), new(Logger));
        await ReadAsync();
        if (RendererInfo.IsInteractive) _ = OperationWatch.RunAsync(Feed, _ => true, () => InvokeAsync(RenewAsync), _gone.Token);
    }

    protected override void OnPicture()
    {
        if (Clock.GetUtcNow() - _readAt >= Renewal) _ = InvokeAsync(RenewAsync);
    }

    private DateTimeOffset? Newest(ClusterCoverage cluster) => Picture.Clusters.GetValueOrDefault(cluster.Cluster)?.NewestRestorableAt ?? cluster.Range?.To;

    private async Task RenewAsync()
    {
        await ReadAsync();
        StateHasChanged();
    }

    private async Task ReadAsync()
    {
        _readAt = Clock.GetUtcNow();
        await _coverage.ReadAsync(() => Shared.GetAsync("backup coverage", Shortest, () => Coverage.ReadAsync()));
        await _backups.ReadAsync(() => Shared.GetAsync("backups", Shortest, () => Catalogue.ListAsync(limit: 200)));
    }

    private async Task TakeAsync(string cluster, string type)
    {
        _busy = true;
        var answer = await Browser.CallApiAsync("POST", "/api/v1/backups", new { cluster, type }, key: Guid.NewGuid().ToString());
        _busy = false;
        _refusal = answer.Ok ? null : answer.Problem;
        if (answer.Ok) Navigation.NavigateTo($"/operations/{answer.Read("operationId")}");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gone.Cancel();
            _gone.Dispose();
        }
        base.Dispose(disposing);
    }
}
