using System.Globalization;
using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Overview;

/// <summary>Regions as cards, links as arcs from source to target with lag and status. On a phone the cards stand one below the
/// other and each names the links that feed it.</summary>
public partial class Topology
{
    private const double Width = 1000;
    private const double Height = 600;

    private static readonly string[] Words = ["healthy", "degraded", "critical", "failed", "unknown"];

    private TopologyLayout _layout = new([]);

    [Inject]
    public required LiveFleet Live { get; set; }

    [Inject]
    public required FleetModel Fleet { get; set; }

    /// <summary>Grows with every change of a region or link.</summary>
    [Parameter, EditorRequired]
    public long Version { get; set; }

    protected override void OnInitialized() => _layout = new TopologyLayout(Fleet.Options.Regions);

    /// <summary>The card shows its inbound links too (on a phone), and the traffic; one number for all of it.</summary>
    private int InboundVersion(RegionState region)
    {
        var version = region.Version;
        foreach (var link in Live.Current.Links.Values)
            if (link.Target == region.Id) version += link.Version;
        return version;
    }

    private string Place(string region)
    {
        var (x, y) = _layout.Place(region);
        return string.Create(CultureInfo.InvariantCulture, $"left: {x:0.##}%; top: {y:0.##}%");
    }

    private string Middle(LinkState link)
    {
        var ((x1, y1), (x2, y2), (cx, cy)) = Points(link);
        var x = (x1 + 2 * cx + x2) / 4;
        var y = (y1 + 2 * cy + y2) / 4;
        return string.Create(CultureInfo.InvariantCulture, $"left: {x / Width * 100:0.##}%; top: {y / Height * 100:0.##}%");
    }

    private string Curve(LinkState link)
    {
        var ((x1, y1), (x2, y2), (cx, cy)) = Points(link);
        return string.Create(CultureInfo.InvariantCulture, $"M{x1:0.#} {y1:0.#}Q{cx:0.#} {cy:0.#} {x2:0.#} {y2:0.#}");
    }

    /// <summary>Ends just outside the cards and a control point beside the straight line, on the right of the direction, so that the
    /// two directions of a pair do not cover each other.</summary>
    private ((double X, double Y) From, (double X, double Y) To, (double X, double Y) Control) Points(LinkState link)
    {
        var from = _layout.Place(link.Source);
        var to = _layout.Place(link.Target);
        var a = (X: from.X / 100 * Width, Y: from.Y / 100 * Height);
        var b = (X: to.X / 100 * Width, Y: to.Y / 100 * Height);
        var (dx, dy) = (b.X - a.X, b.Y - a.Y);
        var length = Math.Max(1, Math.Sqrt(dx * dx + dy * dy));
        var bend = Math.Min(26, length * 0.08);
        var control = ((a.X + b.X) / 2 - dy / length * bend, (a.Y + b.Y) / 2 + dx / length * bend);
        return (Edge(a, b), Edge(b, a), control);
    }

    /// <summary>Where the straight line from the middle of a card leaves it.</summary>
    private static (double X, double Y) Edge((double X, double Y) card, (double X, double Y) other)
    {
        const double halfWidth = 116;
        const double halfHeight = 100;
        var (dx, dy) = (other.X - card.X, other.Y - card.Y);
        var scale = Math.Min(dx == 0 ? double.MaxValue : halfWidth / Math.Abs(dx), dy == 0 ? double.MaxValue : halfHeight / Math.Abs(dy));
        return scale > 1 ? card : (card.X + dx * scale, card.Y + dy * scale);
    }
}
