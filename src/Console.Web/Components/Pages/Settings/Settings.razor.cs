using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Web.Components.Pages.Settings;

/// <summary>The effective configuration; the filter is in the URL.</summary>
public partial class Settings
{
    /// <summary>So many matches are shown unfolded.</summary>
    private const int Few = 20;

    private IReadOnlyList<EffectiveSetting> _rows = [];
    private int _total;

    [Inject]
    public required EffectiveSettings Effective { get; set; }

    [SupplyParameterFromQuery(Name = "q")]
    public string? Text { get; set; }

    [SupplyParameterFromQuery(Name = "all")]
    public bool All { get; set; }

    /// <summary>What a setting belongs to: its section, and of lists the item: <c>Fleet:Regions:0</c>.</summary>
    private static string PartOf(EffectiveSetting setting)
    {
        var words = setting.Path.Split(':');
        var depth = words is [_, _, [>= '0' and <= '9', ..], ..] ? 3 : words.Length > 2 && words[0] == "Fleet" ? 2 : 1;
        return string.Join(':', words.Take(Math.Min(depth, words.Length)));
    }

    protected override void OnParametersSet()
    {
        var settings = Effective.All();
        _total = settings.Count;
        _rows = [.. settings.Where(s => All || !s.IsDefault)
            .Where(s => string.IsNullOrWhiteSpace(Text) || s.Path.Contains(Text, StringComparison.OrdinalIgnoreCase) || s.Value.Contains(Text, StringComparison.OrdinalIgnoreCase))];
    }
}
