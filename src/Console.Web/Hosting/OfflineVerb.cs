using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Failover.Offline;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;

namespace OpsConsole.Web.Hosting;

/// <summary><c>plan failover --cluster X --source A [--target B] [--planned]</c>: prints a failover as commands, from the fleet file alone.
/// No database, no network, no secret is read.</summary>
public static class OfflineVerb
{
    private const int Usage = 64; // EX_USAGE of sysexits.h
    private const string Help = "plan failover --cluster CLUSTER --source REGION [--target REGION] [--planned]";

    public static bool IsMeant(string[] args) => args is ["plan", ..];

    public static int Run(string[] args, TextWriter output, TextWriter errors)
    {
        if (Options(args) is not { } options)
        {
            errors.WriteLine($"Usage: {Help}");
            return Usage;
        }
        var configuration = new ConfigurationManager();
        configuration.AddEnvironmentVariables();
        configuration.AddOperatorFiles();
        configuration.AddEnvironmentVariables();
        var reading = FleetConfiguration.Read(configuration);
        // Secrets are the operator's affair here: a file that is not on this machine is no obstacle.
        var mistakes = reading.Mistakes.Where(m => !m.Path.EndsWith(SecretFiles.Suffix, StringComparison.Ordinal)).ToList();
        if (mistakes.Count > 0) throw new ConfigurationMistakesException(mistakes);
        try
        {
            var script = new FailoverScript(new FleetModel(reading.Options), path => configuration[path + SecretFiles.Suffix] is { } file ? $"$(cat {FailoverScript.Word(file)})" : null);
            output.Write(script.Write(options["--cluster"], options["--source"], options.GetValueOrDefault("--target"), options.ContainsKey("--planned")));
            return 0;
        }
        catch (Exception refused) when (refused is ArgumentException or InvalidOperationException or HostShellException)
        {
            errors.WriteLine(refused.Message);
            return Usage;
        }
    }

    private static Dictionary<string, string>? Options(string[] args)
    {
        if (args is not ["plan", "failover", .. var rest]) return null;
        var options = new Dictionary<string, string>();
        for (var i = 0; i < rest.Length; i++)
        {
            if (rest[i] == "--planned") options[rest[i]] = "";
            else if (rest[i] is "--cluster" or "--source" or "--target" && i + 1 < rest.Length) options[rest[i]] = rest[++i];
            else return null;
        }
        return options.ContainsKey("--cluster") && options.ContainsKey("--source") ? options : null;
    }
}
