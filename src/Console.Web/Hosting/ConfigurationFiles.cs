using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.FileProviders;

namespace OpsConsole.Web.Hosting;

/// <summary>The operator's configuration: JSON files named by <c>OPSCONSOLE_CONFIG</c> (several separated by <c>;</c>), above
/// appsettings and below environment variables. Read once: the fleet does not change while the process lives.</summary>
public static class ConfigurationFiles
{
    public const string Variable = "OPSCONSOLE_CONFIG";

    public static void AddOperatorFiles(this ConfigurationManager configuration)
    {
        var paths = (configuration[Variable] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var position = configuration.Sources.ToList().FindLastIndex(s => s is EnvironmentVariablesConfigurationSource { Prefix: null or "" });
        foreach (var path in paths)
        {
            var full = Path.GetFullPath(path);
            if (!File.Exists(full))
                throw new FileNotFoundException($"{Variable} names {full}, which does not exist.", full);
            var source = new IndexedJsonSource { FileProvider = new PhysicalFileProvider(Path.GetDirectoryName(full)!), Path = Path.GetFileName(full) };
            configuration.Sources.Insert(position++, source);
        }
    }
}
