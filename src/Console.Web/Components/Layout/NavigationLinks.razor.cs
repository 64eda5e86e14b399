using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;

namespace OpsConsole.Web.Components.Layout;

/// <summary>The links that the viewer's roles allow: all of them on the rail, or four and a menu on a phone's bar.</summary>
public partial class NavigationLinks
{
    private List<(string Title, List<NavigationEntry> Entries)> _groups = [];
    private List<(string Title, List<NavigationEntry> Entries)> _rest = [];

    [Inject]
    public required IAuthorizationService Authorization { get; set; }

    [CascadingParameter]
    public Task<AuthenticationState>? Authentication { get; set; }

    [Parameter]
    public bool Brief { get; set; }

    protected override async Task OnInitializedAsync()
    {
        if (Authentication is null) return;
        var user = (await Authentication).User;
        var allowed = new List<(string, List<NavigationEntry>)>();
        foreach (var group in ConsoleNavigation.Groups)
        {
            var entries = new List<NavigationEntry>();
            foreach (var entry in group.Entries)
                if ((await Authorization.AuthorizeAsync(user, entry.Policy)).Succeeded) entries.Add(entry);
            if (entries.Count > 0) allowed.Add((group.Title, entries));
        }
        _groups = Brief ? Part(allowed, onBar: true) : allowed;
        if (Brief) _rest = Part(allowed, onBar: false);
    }

    private static List<(string, List<NavigationEntry>)> Part(List<(string Title, List<NavigationEntry> Entries)> groups, bool onBar) =>
        groups.Select(g => (g.Title, g.Entries.FindAll(e => e.OnBar == onBar))).Where(g => g.Item2.Count > 0).ToList();
}
