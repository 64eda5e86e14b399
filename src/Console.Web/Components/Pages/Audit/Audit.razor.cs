using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Web.Virtualization;
using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Audit;
using OpsConsole.Web.Api;
using OpsConsole.Web.Components.Shared;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Components.Pages.Audit;

/// <summary>The audit log, read page by page as it is scrolled; filters are in the URL.</summary>
public sealed partial class Audit : IDisposable
{
    private static readonly string[] KnownActions =
        ["session.", "session.signIn", "session.refused", "session.lockedOut", "session.signOut", "account.", "user.", "token.", "audit.", "operation.", "approval.", "settings."];

    private readonly CancellationTokenSource _gone = new();
    private Virtualize<AuditEntry>? _list;
    private AuditQuery _query = new();
    private ChainReport? _report;
    private int _count;
    private bool _verifying;
    private Dictionary<string, string> _people = [];

    [CascadingParameter]
    public required Task<AuthenticationState> Authentication { get; set; }

    [Inject]
    public required IAuditReader Reader { get; set; }

    [Inject]
    public required AuditAccess Access { get; set; }

    [Inject]
    public required IDbContextFactory<IdentityDb> People { get; set; }

    [Inject]
    public required AddressFilters Filters { get; set; }

    [SupplyParameterFromQuery]
    public string? Action { get; set; }

    [SupplyParameterFromQuery]
    public string? Actor { get; set; }

    [SupplyParameterFromQuery]
    public string? Target { get; set; }

    [SupplyParameterFromQuery]
    public string? From { get; set; }

    [SupplyParameterFromQuery]
    public string? To { get; set; }

    protected override async Task OnInitializedAsync()
    {
        await RecordAsync("audit.read");
        await using var db = await People.CreateDbContextAsync(_gone.Token);
        _people = await db.Users.ToDictionaryAsync(u => $"user:{u.Id}", u => u.Email ?? "", _gone.Token);
    }

    /// <summary>The chain names users by id only; people read addresses.</summary>
    private string NameOf(string target) => _people.GetValueOrDefault(target, target);

    protected override async Task OnParametersSetAsync()
    {
        _query = new AuditQuery(Action: Empty(Action), Actor: Empty(Actor), Target: Empty(Target), From: Moment(From), To: Moment(To));
        _count = await Reader.CountAsync(_query, _gone.Token);
        if (_list is not null)
            await _list.RefreshDataAsync();
    }

    private async ValueTask<ItemsProviderResult<AuditEntry>> LoadAsync(ItemsProviderRequest request)
    {
        var entries = await Reader.ReadAsync(_query with { Before = long.MaxValue, Skip = request.StartIndex, Limit = Math.Clamp(request.Count, 1, 200) }, request.CancellationToken);
        return new ItemsProviderResult<AuditEntry>(entries, _count);
    }

    private async Task VerifyAsync()
    {
        _verifying = true;
        try
        {
            await RecordAsync("audit.verify");
            _report = await Reader.VerifyAsync(_gone.Token);
        }
        finally
        {
            _verifying = false;
        }
    }

    private async Task RecordAsync(string action)
    {
        var user = (await Authentication).User;
        await Access.RecordAsync(user.UserId(), user.Email(), null, action, _gone.Token);
    }

    private void Filter(string name, string? value) => Filters.Set((name, value?.Trim()));

    private static string? Empty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    private static DateTimeOffset? Moment(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at : null;

    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
    }
}
