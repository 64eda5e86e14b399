using Microsoft.Extensions.Configuration;
using Npgsql;
using OpsConsole.Core.Fleet.Configuration;

namespace OpsConsole.Core.Fleet;

/// <param name="Value">As text; a secret as dots with where it comes from.</param>
/// <param name="IsDefault">Not given in the configuration: the built-in value.</param>
public sealed record EffectiveSetting(string Path, string Value, bool IsSecret, bool IsDefault);

/// <summary>What is in force, secrets hidden: the whole fleet with its defaults, and the other sections as given.</summary>
public sealed class EffectiveSettings(FleetOptions fleet, IConfiguration configuration)
{
    private const string Dots = "•••";
    private static readonly string[] SecretWords = ["password", "secret", "token", "accesskey", "privatekey", "apikey", "credential", "pepper"];

    public IReadOnlyList<EffectiveSetting> All() =>
        [.. Fleet(), .. Others().OrderBy(s => s.Path, StringComparer.Ordinal)];

    private IEnumerable<EffectiveSetting> Fleet() =>
        FleetDocument.Flatten(fleet, byIndex: true).Select(leaf =>
        {
            var path = $"{FleetOptions.Section}:{leaf.Path}";
            var isDefault = configuration[path] is null;
            return leaf.IsSecret
                ? new EffectiveSetting(path, leaf.Value.Length == 0 ? "" : Hidden(path), true, isDefault)
                : new EffectiveSetting(path, leaf.Value, false, isDefault);
        });

    private IEnumerable<EffectiveSetting> Others() => configuration.AsEnumerable()
        .Where(p => p.Value is not null && (p.Key.Contains(':') || p.Key is "Urls" or "AllowedHosts")
            && !p.Key.StartsWith(FleetOptions.Section + ":", StringComparison.OrdinalIgnoreCase)
            && !p.Key.EndsWith(SecretFiles.Suffix, StringComparison.Ordinal) && !p.Key.EndsWith(SecretReferences.SourceSuffix, StringComparison.Ordinal))
        .Select(p => p.Key.StartsWith("ConnectionStrings:", StringComparison.OrdinalIgnoreCase)
            ? new EffectiveSetting(p.Key, WithoutPassword(p.Key, p.Value!), true, false)
            : IsSecretName(p.Key) ? new EffectiveSetting(p.Key, Hidden(p.Key), true, false)
            : new EffectiveSetting(p.Key, p.Value!, false, false));

    private string Hidden(string path) =>
        configuration[path + SecretReferences.SourceSuffix] is { } reference ? $"{Dots} (from {reference})"
        : configuration[path + SecretFiles.Suffix] is { } file ? $"{Dots} (from file {file})"
        : Dots;

    private string WithoutPassword(string path, string connectionString)
    {
        try
        {
            var parsed = new NpgsqlConnectionStringBuilder(connectionString);
            var hadPassword = !string.IsNullOrEmpty(parsed.Password);
            parsed.Password = null;
            parsed.SslPassword = null;
            return hadPassword ? $"{parsed.ConnectionString};Password={Hidden(path)}" : parsed.ConnectionString;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException)
        {
            return Hidden(path);
        }
    }

    private static bool IsSecretName(string key)
    {
        var name = key[(key.LastIndexOf(':') + 1)..].Replace("_", "", StringComparison.Ordinal);
        return SecretWords.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase));
    }
}
