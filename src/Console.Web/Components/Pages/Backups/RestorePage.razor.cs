using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Backups;

/// <summary>A moment of the restorable range, a destination, and what would run. All of the choice is in the address.</summary>
public partial class RestorePage
{
    private ClusterOptions? _cluster;
    private RestorableRange? _range;
    private IReadOnlyList<Backup> _backups = [];
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
    public required OperationService Operations { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    private string Destination => DestinationWord == "inPlace" ? "inPlace" : "new";
    private DateTimeOffset? At => DateTimeOffset.TryParse(AtText, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at.ToUniversalTime() : null;

    /// <summary>What the slider shows: the chosen moment, the chosen backup's, or the newest.</summary>
    private DateTimeOffset Moment => At ?? _backups.FirstOrDefault(b => b.Id == BackupId)?.EndedAt ?? _range!.To;
    private double Span => Math.Max(1, (_range!.To - _range.From).TotalSeconds);

    protected override bool Concerns(ILiveEntity entity) => false;

    protected override async Task OnParametersSetAsync()
    {
        _cluster = Fleet.Clusters.GetValueOrDefault(ClusterId ?? "") ?? Fleet.Options.Clusters.FirstOrDefault();
        if (_cluster is null) return;
        (_range, _backups) = (await Catalogue.RangeAsync(_cluster.Id), await Catalogue.ListAsync(_cluster.Id));
        // A dump has no log around it: its own moment is all there is.
        if (_range is null && _backups.FirstOrDefault(b => b.Id == BackupId && b.IsUsable) is { } alone) _range = new RestorableRange(alone.EndedAt, alone.EndedAt, []);
        if (_range is not null) await PlanAsync();
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
            Navigation.NavigateTo(Address(seconds >= Span ? _range!.To : _range!.From.AddSeconds(seconds), null, Destination), replace: true);
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

    private IReadOnlyList<TimeMark> Marks(RestorableRange range) =>
    [
        .. _backups.Where(b => b.IsUsable && b.EndedAt >= range.From && b.EndedAt <= range.To).Select(b => new TimeMark(b.EndedAt, "backup", $"{Say.Word(b.Type)} backup ({b.Engine})", X(b.EndedAt, range)))
            .Concat(range.Forks.Where(f => f.Began >= range.From).Select(f => new TimeMark(f.Began, "fork", $"promotion: timeline {f.Timeline} ended", X(f.Began, range)))).OrderBy(m => m.At),
    ];

    /// <summary>Where it stands on the line, which is 1000 wide.</summary>
    private string X(DateTimeOffset at, RestorableRange range) => Say.Plainly(Math.Clamp(996 * (at - range.From).TotalSeconds / Span, 0, 996));

    private string Address(DateTimeOffset? at, Guid? backup, string destination) =>
        $"/restore?cluster={_cluster!.Id}&destination={destination}{(at is { } moment ? $"&at={Uri.EscapeDataString(Say.Instant(moment))}" : "")}{(backup is { } id ? $"&backup={id}" : "")}";

    private sealed record TimeMark(DateTimeOffset At, string Kind, string Text, string X);
}
