using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Core.Fleet.Versions;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Fleet;

public static class FleetServices
{
    /// <summary>Reads and validates the fleet, and registers <see cref="FleetOptions"/> and <see cref="FleetModel"/>.</summary>
    /// <param name="unresolved">what <see cref="SecretStores.AddSecretsAsync"/> returned</param>
    /// <exception cref="ConfigurationMistakesException">Anything is wrong; it lists everything that is.</exception>
    public static IServiceCollection AddFleet(this IServiceCollection services, IConfiguration configuration, IReadOnlyList<ConfigurationMistake>? unresolved = null)
    {
        var reading = FleetConfiguration.Read(configuration);
        var (replication, wrong) = FleetConfiguration.ReadSection<ReplicationOptions>(configuration, ReplicationOptions.Section);
        var mistakes = (unresolved ?? [])
            .Concat(ConnectionStrings(configuration))
            .Concat(reading.Mistakes)
            .Concat(wrong)
            .DistinctBy(m => (m.Path, m.Problem)).ToList();
        if (mistakes.Count > 0)
            throw new ConfigurationMistakesException(mistakes);
        services.AddSingleton(reading.Options);
        services.AddSingleton(new FleetModel(reading.Options));
        services.AddSingleton(new EffectiveSettings(reading.Options, configuration));
        services.AddSingleton(Options.Create(replication));
        services.AddSingleton(FleetDb.ConsoleSchema);
        services.AddSingleton<FleetVersions>();
        services.AddSingleton<IChangeSource, FleetChanges>();
        services.AddHostedService<FleetVersionRecorder>();
        return services;
    }

    private static IEnumerable<ConfigurationMistake> ConnectionStrings(IConfiguration configuration)
    {
        (string Name, string Meaning)[] needed = [("Owner", "the role that owns and migrates the console's database"), ("Console", "the least-privileged role that the console runs as")];
        foreach (var (name, meaning) in needed)
        {
            var path = $"ConnectionStrings:{name}";
            if (string.IsNullOrEmpty(configuration[path]))
                yield return new ConfigurationMistake(path, "is missing", $"Give the connection string of {meaning}: Host=...;Database=...;Username=...;Password=... (or {path}_FILE).");
            else if (SecretReferences.SchemeOf(configuration[path]) is null && Wrong(configuration[path]!) is { } problem)
                yield return new ConfigurationMistake(path, problem, $"Write it as Host=...;Database=...;Username=...;Password=... for {meaning}.");
        }
    }

    private static string? Wrong(string connectionString)
    {
        try
        {
            var parsed = new NpgsqlConnectionStringBuilder(connectionString);
            return string.IsNullOrEmpty(parsed.Host) ? "names no Host" : string.IsNullOrEmpty(parsed.Username) ? "names no Username" : null;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException)
        {
            return "is not a PostgreSQL connection string"; // the parser's own message may quote the text, and with it the password
        }
    }
}
