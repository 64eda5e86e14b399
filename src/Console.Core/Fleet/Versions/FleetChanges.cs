using OpsConsole.Core.Live;

namespace OpsConsole.Core.Fleet.Versions;

/// <summary>Changes of the configuration in "what changed".</summary>
public sealed class FleetChanges(FleetVersions versions) : IChangeSource
{
    private const int Named = 3;

    public async Task<IReadOnlyList<ChangeItem>> ReadAsync(DateTimeOffset since, int limit, CancellationToken cancel) =>
        [.. (await versions.ListAsync(since, limit, cancel)).Select(v => new ChangeItem(v.At, "configuration", $"Configuration version {v.Number}", Detail(v), v.Author, "settings"))];

    private static string Detail(FleetVersion version)
    {
        if (version.Number == 1)
            return $"first version, {version.Differences.Count} settings";
        var named = string.Join("; ", version.Differences.Take(Named).Select(d => $"{d.Path}: {d.Before ?? "not set"} → {d.After ?? "not set"}"));
        return version.Differences.Count > Named ? $"{named}; and {version.Differences.Count - Named} more" : named;
    }
}
