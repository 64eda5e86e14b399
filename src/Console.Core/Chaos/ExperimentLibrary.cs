using System.Globalization;
using System.Text.Json.Nodes;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>Every experiment that can be asked for: shipped ones, over which the configuration's of the same id win, and imported ones.</summary>
public sealed class ExperimentLibrary(FleetModel fleet, ChaosOptions options)
{
    /// <summary>Stands in conditions for <c>cluster:ID</c> of the fleet's first cluster.</summary>
    private const string ClusterWord = "CLUSTER";

    private readonly Dictionary<string, Experiment> _declared = ShippedExperiments.All.Select(e => Localise(e, fleet, options))
        .Concat(options.Experiments.Select(e => Localise(e.ToExperiment(), fleet, options)))
        .GroupBy(e => e.Id).ToDictionary(g => g.Key, g => g.Last(), StringComparer.Ordinal);

    private volatile IReadOnlyDictionary<string, Experiment> _imported = new Dictionary<string, Experiment>();

    /// <summary>By group, then by severity.</summary>
    public IReadOnlyList<Experiment> All => [.. _declared.Values.Concat(_imported.Values.Where(i => !_declared.ContainsKey(i.Id))).OrderBy(e => e.Group).ThenBy(e => e.Severity).ThenBy(e => e.Id, StringComparer.Ordinal)];

    public Experiment? Find(string id) => _declared.GetValueOrDefault(id) ?? _imported.GetValueOrDefault(id);

    /// <summary>Whether it is shipped or of the configuration, and not to be replaced by an import.</summary>
    public bool IsDeclared(string id) => _declared.ContainsKey(id);

    internal void SetImported(IEnumerable<Experiment> imported) => _imported = imported.ToDictionary(e => e.Id, StringComparer.Ordinal);

    /// <exception cref="RequestRefusedException">there is none</exception>
    public Experiment Get(string id) => Find(id) ?? throw new RequestRefusedException("experiment", $"There is no experiment '{id}'. Known: {string.Join(", ", All.Select(e => e.Id).Order(StringComparer.Ordinal))}.");

    /// <summary>Conditions about customers need an address to measure at, those about a cluster a cluster: without one they are left out.</summary>
    private static Experiment Localise(Experiment experiment, FleetModel fleet, ChaosOptions options)
    {
        var cluster = fleet.Options.Clusters.FirstOrDefault()?.Id;
        IEnumerable<string> Fit(IEnumerable<string> conditions) => conditions
            .Where(c => !c.StartsWith(ClusterWord, StringComparison.Ordinal) || cluster is not null)
            .Select(c => c.Replace(ClusterWord, $"cluster:{cluster}", StringComparison.Ordinal))
            .Where(c => !c.StartsWith(Condition.Customers, StringComparison.Ordinal) || options.CustomerUrl.Length > 0);
        return experiment with { Hypothesis = [.. Fit(experiment.Hypothesis)], Abort = [.. Fit(experiment.Abort)] };
    }
}

/// <summary>An experiment of the configuration, <c>Chaos:Experiments</c>.</summary>
public sealed class ExperimentOptions
{
    public string Id { get; set; } = "";
    public string Title { get; set; } = "";
    public string Purpose { get; set; } = "";
    public ExperimentGroup Group { get; set; }
    public Severity Severity { get; set; } = Severity.High;
    /// <summary>Entry of <see cref="FaultKinds"/>.</summary>
    public string Fault { get; set; } = "";
    public TargetRuleOptions Targets { get; set; } = new();
    public double? DurationSeconds { get; set; }
    public double? IntensityPercent { get; set; }
    public Dictionary<string, string> Settings { get; set; } = [];
    public bool CanLoseData { get; set; }
    public List<string> Hypothesis { get; set; } = [];
    public List<string> Abort { get; set; } = [];

    public Experiment ToExperiment() => new()
    {
        Id = Id, Title = Title, Purpose = Purpose, Group = Group, Severity = Severity, Fault = Fault, DurationSeconds = DurationSeconds, IntensityPercent = IntensityPercent, CanLoseData = CanLoseData,
        Targets = new TargetRule(Targets.Pool, Targets.Kind, Targets.From, Targets.To, Targets.Service, Targets.Role, Targets.Count),
        Settings = new JsonObject(Settings.Select(s => KeyValuePair.Create(s.Key, (JsonNode?)(double.TryParse(s.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? JsonValue.Create(number) : JsonValue.Create(s.Value))))),
        Hypothesis = [.. Hypothesis], Abort = [.. Abort],
    };

    /// <summary>Mistakes in words.</summary>
    internal IEnumerable<string> Mistakes(ChaosOptions options)
    {
        if (Id.Length == 0 || !Id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')) yield return $"Experiments: '{Id}' is no id: use lower case letters, digits and dashes.";
        if (Title.Length == 0) yield return $"Experiments:{Id}: Title is missing.";
        if (Fault.Length == 0) yield return $"Experiments:{Id}: Fault is missing.";
        if (DurationSeconds is { } duration && (duration < 1 || duration > options.MaxDurationSeconds)) yield return $"Experiments:{Id}: DurationSeconds is {duration}: give 1 to {options.MaxDurationSeconds}.";
        if (IntensityPercent is < 1 or > 100) yield return $"Experiments:{Id}: IntensityPercent is {IntensityPercent}: give 1 to 100.";
        if (!TargetResolver.IsCount(Targets.Count)) yield return $"Experiments:{Id}: Targets:Count '{Targets.Count}' is no number, percentage or all.";
        foreach (var condition in Hypothesis.Concat(Abort).Where(c => !c.StartsWith("CLUSTER.", StringComparison.Ordinal)))
        {
            string? problem = null;
            try
            {
                Condition.Parse(condition);
            }
            catch (FormatException wrong)
            {
                problem = wrong.Message;
            }
            if (problem is not null) yield return $"Experiments:{Id}: {problem}";
        }
    }
}

/// <summary>See <see cref="TargetRule"/>.</summary>
public sealed class TargetRuleOptions
{
    public TargetPool Pool { get; set; }
    public string Kind { get; set; } = "";
    public string From { get; set; } = "*";
    public string To { get; set; } = "*";
    public string Service { get; set; } = "";
    public string Role { get; set; } = "*";
    public string Count { get; set; } = "1";
}
