using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Services;

/// <summary>All services, virtualised. Filters are in the address, so that a link shows the same list.</summary>
public partial class Services
{
    private static readonly HealthStatus[] Statuses =
        [HealthStatus.Failed, HealthStatus.Critical, HealthStatus.Degraded, HealthStatus.Unknown, HealthStatus.Healthy];

    private List<string> _rows = [];
    private StatusCounts _counts;

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Inject]
    public required FleetDigests Digests { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [Inject]
    public required AddressFilters Filters { get; set; }

    [SupplyParameterFromQuery]
    public string? Region { get; set; }

    [SupplyParameterFromQuery]
    public string? Kind { get; set; }

    [SupplyParameterFromQuery]
    public string? Status { get; set; }

    [SupplyParameterFromQuery]
    public string? Text { get; set; }

    private IEnumerable<string> Kinds => Fleet.Options.Services.Select(s => s.Kind).Distinct().Order().Select(Say.Word);

    protected override bool Concerns(ILiveEntity entity) => entity is ServiceState;

    protected override void OnParametersSet() => Read();

    protected override void OnPicture() => Read();

    private void Read()
    {
        _counts = Digests.Of(Picture).Services;
        _rows = Fleet.Options.Services.Where(Matches).Select(s => s.Id).ToList();
    }

    private bool Matches(ServiceOptions service) =>
        (Region is null || service.Region == Region)
        && (Kind is null || string.Equals(Say.Word(service.Kind), Kind, StringComparison.OrdinalIgnoreCase))
        && (Status is null || StatusMark.Word(StatusOf(service.Id)) == Status)
        && (string.IsNullOrWhiteSpace(Text) || service.Id.Contains(Text, StringComparison.OrdinalIgnoreCase)
            || service.Labels.Any(l => l.Key.Contains(Text, StringComparison.OrdinalIgnoreCase) || l.Value.Contains(Text, StringComparison.OrdinalIgnoreCase)));

    private HealthStatus StatusOf(string id) => Picture.Services.TryGetValue(id, out var service) ? service.Status : HealthStatus.Unknown;

    private int VersionOf(string id) => Picture.Services.TryGetValue(id, out var service) ? service.Version : 0;

    private string Without(string name) => Navigation.GetUriWithQueryParameter(name, (string?)null);

    private void Filter(string name, string? value) => Filters.Set((name, value));
}
