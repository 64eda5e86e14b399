using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench;

/// <summary>The console's own database in an embedded fleet, as its owner.</summary>
internal static class FleetDatabase
{
    public static string Of(FleetUnderTest fleet)
    {
        var configuration = new ConfigurationManager();
        configuration.AddJsonFile(Path.Combine(fleet.Root, "fleet.json"));
        configuration.AddSecretFiles();
        return configuration["ConnectionStrings:Owner"]!;
    }
}
