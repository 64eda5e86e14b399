using Microsoft.Extensions.Configuration;

namespace OpsConsole.Core.Fleet.Configuration;

/// <param name="Options">What could be read; of use only when there are no mistakes.</param>
public sealed record FleetReading(FleetOptions Options, IReadOnlyList<ConfigurationMistake> Mistakes);

/// <summary>Reads section <c>Fleet</c> and applies every rule, however many are broken.</summary>
public static class FleetConfiguration
{
    public const string Guide = "docs/fleet.md";

    /// <summary>Reads another section by the same rules: unknown settings, wrong types and ranges are all reported.</summary>
    public static (T Options, IReadOnlyList<ConfigurationMistake> Mistakes) ReadSection<T>(IConfiguration configuration, string section) where T : new()
    {
        var mistakes = new Mistakes();
        var options = new SettingBinder(mistakes).Bind<T>(configuration.GetSection(section));
        return (options, mistakes.All);
    }

    public static FleetReading Read(IConfiguration configuration)
    {
        var mistakes = new Mistakes();
        var section = configuration.GetSection(FleetOptions.Section);
        if (!section.GetChildren().Any())
        {
            mistakes.Add(FleetOptions.Section, "no fleet is declared", $"Name a JSON file with a section \"Fleet\" in the environment variable OPSCONSOLE_CONFIG; {Guide} shows a complete one.");
            return new FleetReading(new FleetOptions(), mistakes.All);
        }
        var fleet = new SettingBinder(mistakes).Bind<FleetOptions>(section);
        foreach (var mistake in SecretFiles.Mistakes(configuration))
            mistakes.Add(mistake.Path, mistake.Problem, mistake.Remedy);
        RegionRules.Check(fleet, mistakes);
        ServiceRules.Check(fleet, mistakes);
        ProbeRules.Check(fleet, mistakes);
        ClusterRules.Check(fleet, mistakes);
        LinkRules.Check(fleet, mistakes);
        EdgeRules.Check(fleet, mistakes);
        BackupRules.Check(fleet, mistakes);
        ProductionRules.Check(fleet, mistakes);
        return new FleetReading(fleet, mistakes.All.DistinctBy(m => (m.Path, m.Problem)).OrderBy(m => m.Path, StringComparer.Ordinal).ToList());
    }
}
