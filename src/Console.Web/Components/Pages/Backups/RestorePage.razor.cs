using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Backups;

/// <summary>A moment of the restorable range, a destination, and what would run. All of the choice is in the address.</summary>
public partial class RestorePage
{
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private ClusterOptions? _cluster;
    private Reading<Seen> _seen = null!;
    private DateTimeOffset _readAt;
    private DateTimeOffset _moment;
    private PlanPreview? _preview;
    private string? _problem;
    private string? _refusal;
    private string _reason = "";
    private string _key = Guid.NewGuid().ToString();
    private bool _wrong;

    [SupplyParameterFromQuery(Name = "cluster")]
    public string? ClusterId { get; set; }

    [SupplyParameterFromQuery(Name = "at")]
    public string? AtText { get; set; }

    [SupplyParameterFromQuery(Name = "backup")]
    public Guid? BackupId { get; set; }

    [SupplyParameterFromQuery(Name = "destination")]
    public string? DestinationWord { get; set; }

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Inject]
    public required IBackupCatalogue Catalogue { get; set; }

    [Inject]
    public required RestoreMarks Marks { get; set; }

    [Inject]
    public required RestorableRpo Rpo { get; set; }

    [Inject]
    public required SharedReadings Shared { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [Inject]
    public required ILogger<RestorePage> Logger { get; set; }

    [Inject]
    public required OperationService Operations { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    private string Destination => DestinationWord == "inPlace" ? "inPlace" : "new";
    private DateTimeOffset? At => DateTimeOffset.TryParse(AtText, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at.ToUniversalTime() : null;

    /// <summary>What the slider shows and the plan is for: the chosen moment, the chosen backup's, or what was the newest when the page was opened.</summary>
    private DateTimeOffset Moment => _moment;

    /// <summary>As far as the log is stored by now. A dump has no log around it: its own moment is all there is.</summary>
    private RestorableRange? Range => _seen.Value switch
    {
        { Range: { } range } => Picture.Clusters.GetValueOrDefault(_cluster!.Id)?.NewestRestorableAt is { } newest && newest > range.To ? range with { To = newest } : range,
        { } seen when seen.Backups.FirstOrDefault(b => b.Id == BackupId && b.IsUsable) is { } alone => new RestorableRange(alone.EndedAt, alone.EndedAt, []),
        _ => null,
    };

    private static double Span(RestorableRange range) => Math.Max(1, (range.To - range.From).TotalSeconds);

    protected override bool Concerns(ILiveEntity entity) => entity is ClusterState cluster && cluster.Id == _cluster?.Id;

    protected override async Task OnParametersSetAsync()
    {
        _seen ??= new(Logger);
        _cluster = Fleet.Clusters.GetValueOrDefault(ClusterId ?? "") ?? Fleet.Options.Clusters.FirstOrDefault();
        if (_cluster is null) return;
        await ReadAsync(_cluster.Id);
        if (Range is not { } range) return;
        _moment = At ?? _seen.Value!.Backups.FirstOrDefault(b => b.Id == BackupId)?.EndedAt ?? range.To;
        await PlanAsync();
    }

    protected override void OnPicture()
    {
        if (_cluster is not null && Clock.GetUtcNow() - _readAt >= Renewal) _ = InvokeAsync(RenewAsync);
    }

    private async Task RenewAsync()
    {
        await ReadAsync(_cluster!.Id);
        StateHasChanged();
    }

    private async Task ReadAsync(string cluster)
    {
        _readAt = Clock.GetUtcNow();
        await _seen.ReadAsync(() => Shared.GetAsync($"restorable {cluster}", Shortest, async () =>
        {
            var (range, backups) = (await Catalogue.RangeAsync(cluster), await Catalogue.ListAsync(cluster));
            return new Seen(range, backups, range is null ? [] : await Marks.ReadAsync(cluster, range, backups));
        }));
    }

    private async Task PlanAsync()
    {
        (_preview, _problem) = (null, null);
        var request = new JsonObject { ["cluster"] = _cluster!.Id, ["destination"] = Destination };
        if (BackupId is { } backup) request["backupId"] = backup.ToString();
        if (At is not null || BackupId is null) request["targetTime"] = Moment.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);
        try
        {
            _preview = await Operations.PreviewAsync(BackupKinds.Restore, request);
        }
        catch (Exception refused) when (refused is RequestRefusedException or BackupEngineException)
        {
            _problem = refused.Message;
        }
    }

    private void SlideAsync(ChangeEventArgs change)
    {
        if (double.TryParse(change.Value as string, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds))
            Navigation.NavigateTo(Address(Range is { } range && seconds >= Span(range) ? range.To : Range!.From.AddSeconds(seconds), null, Destination), replace: true);
    }

    private void TypeAsync(ChangeEventArgs change)
    {
        _wrong = !DateTimeOffset.TryParse(change.Value as string, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at);
        if (!_wrong) Navigation.NavigateTo(Address(at, null, Destination), replace: true);
    }

    private async Task AskAsync(PlanPreview preview)
    {
        var answer = await Browser.CallApiAsync("POST", "/api/v1/restores", new
        {
            cluster = _cluster!.Id, backupId = BackupId, targetTime = At is not null || BackupId is null ? Moment : (DateTimeOffset?)null, destination = Destination, planHash = preview.Hash, reason = _reason,
        }, key: _key);
        if (!answer.Ok)
        {
            _refusal = answer.Problem;
            await PlanAsync();
            return;
        }
        _key = Guid.NewGuid().ToString();
        Navigation.NavigateTo(answer.Read("approvalId") is { } approval ? $"/approvals/{approval}" : $"/operations/{answer.Read("operationId")}");
    }

    /// <summary>Where it stands on the line, which is 1000 wide.</summary>
    private static string X(DateTimeOffset at, RestorableRange range) => Say.Plainly(Math.Clamp(996 * (at - range.From).TotalSeconds / Span(range), 0, 996));

    private string Address(DateTimeOffset? at, Guid? backup, string destination) =>
        $"/restore?cluster={_cluster!.Id}&destination={destination}{(at is { } moment ? $"&at={Uri.EscapeDataString(Say.Instant(moment))}" : "")}{(backup is { } id ? $"&backup={id}" : "")}";

    private sealed record Seen(RestorableRange? Range, IReadOnlyList<Backup> Backups, IReadOnlyList<RestoreMark> Marks);
}
