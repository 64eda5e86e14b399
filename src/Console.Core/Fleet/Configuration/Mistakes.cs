namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>Collects mistakes while the configuration is read, and remembers where each object came from, so that rules can
/// name the path of a setting.</summary>
internal sealed class Mistakes
{
    private readonly Dictionary<object, string> _paths = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<object, HashSet<string>> _given = new(ReferenceEqualityComparer.Instance);
    private readonly List<ConfigurationMistake> _all = [];

    public IReadOnlyList<ConfigurationMistake> All => _all;

    public void CameFrom(object options, string path) => _paths[options] = path;

    public void Given(object options, string property)
    {
        if (!_given.TryGetValue(options, out var properties))
            _given[options] = properties = [];
        properties.Add(property);
    }

    public bool IsGiven(object options, string property) => _given.TryGetValue(options, out var properties) && properties.Contains(property);

    public string PathOf(object options, string? property = null) =>
        property is null ? _paths[options] : $"{_paths[options]}:{property}";

    public void Add(string path, string problem, string remedy) => _all.Add(new ConfigurationMistake(path, problem, remedy));

    public void Add(object options, string property, string problem, string remedy) => Add(PathOf(options, property), problem, remedy);

    public bool HasAny(object options, string property)
    {
        var path = PathOf(options, property);
        return _all.Exists(m => m.Path.Equals(path, StringComparison.OrdinalIgnoreCase));
    }
}
