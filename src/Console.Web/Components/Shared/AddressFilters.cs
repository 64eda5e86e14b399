using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;

namespace OpsConsole.Web.Components.Shared;

/// <summary>Filters kept in the page's address. The address follows a change only after a round trip to the browser; a second change
/// within it builds on the first one, not on the address that is about to be replaced.</summary>
public sealed class AddressFilters : IDisposable
{
    private readonly NavigationManager _navigation;
    private string? _asked;

    public AddressFilters(NavigationManager navigation)
    {
        _navigation = navigation;
        _navigation.LocationChanged += Arrived;
    }

    /// <param name="filters">name and value; a null or blank value removes the filter</param>
    public void Set(params (string Name, string? Value)[] filters)
    {
        _asked = _navigation.GetUriWithQueryParameters(_asked ?? _navigation.Uri,
            filters.ToDictionary(f => f.Name, f => (object?)(string.IsNullOrWhiteSpace(f.Value) ? null : f.Value)));
        _navigation.NavigateTo(_asked, replace: true);
    }

    public void Dispose() => _navigation.LocationChanged -= Arrived;

    private void Arrived(object? sender, LocationChangedEventArgs change)
    {
        if (_asked is not null && (change.Location == _asked || new Uri(change.Location).AbsolutePath != new Uri(_asked).AbsolutePath)) _asked = null;
    }
}
