using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace OpsConsole.Core.Fleet.Versions;

/// <summary>Records the configuration at start when it changed. The author is who <c>OPSCONSOLE_CONFIG_AUTHOR</c> names (a deployment
/// sets it), else the account that the console runs under.</summary>
public sealed partial class FleetVersionRecorder(FleetVersions versions, FleetOptions fleet, IConfiguration configuration, ILogger<FleetVersionRecorder> logger) : BackgroundService
{
    public const string AuthorVariable = "OPSCONSOLE_CONFIG_AUTHOR";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var author = configuration[AuthorVariable] is { Length: > 0 } named ? named : Environment.UserName;
            if (await versions.RecordAsync(fleet, author, stoppingToken) is { } version)
                LogRecorded(logger, version.Number, version.Differences.Count, author);
        }
        catch (NpgsqlException e)
        {
            LogNotRecorded(logger, e); // the next start records it
        }
    }

    [LoggerMessage(3301, LogLevel.Information, "The fleet's configuration is now version {Number}: {Count} settings changed by {Author}")]
    private static partial void LogRecorded(ILogger logger, int number, int count, string author);

    [LoggerMessage(3302, LogLevel.Warning, "The version of the fleet's configuration could not be recorded")]
    private static partial void LogNotRecorded(ILogger logger, Exception e);
}
