using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Layout;

/// <summary>The overall status and the data's age, in sight on every page; says aloud what changed its status.</summary>
public partial class LiveStatus
{
    /// <summary>The age is counted in the browser; renewing its start more often than this shows nothing.</summary>
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(2);

    private FleetSnapshot _shown = FleetSnapshot.Empty;
    private string _announcement = "";

    protected override void OnInitialized()
    {
        base.OnInitialized();
        _shown = Picture;
    }

    protected override bool Concerns(ILiveEntity entity) => true;

    protected override bool ShouldRender()
    {
        var spoken = Turned(_shown, Picture);
        if (spoken is null && Picture.Overall == _shown.Overall && Picture.At - _shown.At < Renewal) return false;
        if (spoken is not null) _announcement = spoken;
        _shown = Picture;
        return true;
    }

    private static string? Turned(FleetSnapshot before, FleetSnapshot now)
    {
        if (ReferenceEquals(before.Regions, now.Regions)) return null;
        foreach (var (id, region) in now.Regions)
            if (before.Regions.TryGetValue(id, out var old) && old.Status != region.Status)
                return $"{id} is {StatusMark.Word(region.Status)}. {region.Reason}";
        return null;
    }
}
