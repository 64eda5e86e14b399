using OpsConsole.Core.Fleet;

namespace OpsConsole.Web.Components.Pages.Overview;

/// <summary>Places of the regions in percent of the drawing. They depend on the declaration only, so that nothing jumps when a role moves.
/// Up to four regions stand from west to east in a zigzag, which keeps the middle of every link free; more stand on a ring.</summary>
public sealed class TopologyLayout
{
    private const int MostInZigzag = 4;

    private readonly Dictionary<string, (double X, double Y)> _places = [];

    public TopologyLayout(IEnumerable<RegionOptions> regions)
    {
        var row = regions.OrderBy(r => r.Longitude ?? r.Priority).ThenBy(r => r.Id, StringComparer.Ordinal).ToList();
        if (row.Count == 0) return;
        if (row.Count == 1) _places[row[0].Id] = (50, 50);
        else if (row.Count <= MostInZigzag) Zigzag(row);
        else Ring(row);
    }

    public (double X, double Y) Place(string region) => _places.TryGetValue(region, out var place) ? place : (50, 50);

    private void Zigzag(List<RegionOptions> row)
    {
        var even = row.Where((_, i) => i % 2 == 0).Average(r => r.Latitude ?? 0);
        var odd = row.Where((_, i) => i % 2 == 1).Average(r => r.Latitude ?? 0);
        for (var i = 0; i < row.Count; i++)
        {
            var north = (i % 2 == 0) == (even >= odd);
            _places[row[i].Id] = (100.0 * (i + 0.5) / row.Count, north ? 20 : 80);
        }
    }

    private void Ring(List<RegionOptions> row)
    {
        for (var i = 0; i < row.Count; i++)
        {
            var angle = 2 * Math.PI * i / row.Count + Math.PI;
            _places[row[i].Id] = (50 + 40 * Math.Cos(angle), 50 + 40 * Math.Sin(angle));
        }
    }
}
