using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Web.Components.Pages.Settings;

/// <summary>The effective configuration; the filter is in the URL.</summary>
public partial class Settings
{
    private IReadOnlyList<EffectiveSetting> _rows = [];
    private int _total;

    [Inject]
    public required EffectiveSettings Effective { get; set; }

    [SupplyParameterFromQuery(Name = "q")]
    public string? Text { get; set; }

    [SupplyParameterFromQuery(Name = "all")]
    public bool All { get; set; }

    protected override void OnParametersSet()
    {
        var settings = Effective.All();
        _total = settings.Count;
        _rows = [.. settings.Where(s => All || !s.IsDefault)
            .Where(s => string.IsNullOrWhiteSpace(Text) || s.Path.Contains(Text, StringComparison.OrdinalIgnoreCase) || s.Value.Contains(Text, StringComparison.OrdinalIgnoreCase))];
    }
}
