using Microsoft.Extensions.Options;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Fleet;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Hosting;

/// <summary>What is fine on a laptop and not in production: said in the log at each start, and nothing is refused for it.</summary>
public sealed partial class ProductionChecks(FleetModel fleet, IConfiguration configuration, IOptions<AccessOptions> access, IOptions<AuditOptions> audit, ILogger<ProductionChecks> logger)
{
    public void Warn()
    {
        if (fleet.Options.Environment != FleetEnvironment.Production)
            return;
        var https = (configuration["Urls"] ?? "").Contains("https://", StringComparison.OrdinalIgnoreCase) || configuration.GetSection("Kestrel:Endpoints").GetChildren().Any(e => e["Url"]?.StartsWith("https://", StringComparison.OrdinalIgnoreCase) == true);
        if (!https && access.Value.TrustedProxies.Count == 0)
            LogPlain();
        if (access.Value.KeyCertificateFile.Length == 0)
            LogKeys();
        if (audit.Value.SigningKeyFile.Length == 0)
            LogCheckpoints();
    }

    [LoggerMessage(EventId = 4101, Level = LogLevel.Warning, Message = "Production without TLS: give an https URL (Urls, Kestrel:Certificates:Default), or name the TLS proxy in Access:TrustedProxies")]
    private partial void LogPlain();

    [LoggerMessage(EventId = 4102, Level = LogLevel.Warning, Message = "Session keys and second factors rest unencrypted in the console's database: name a certificate in Access:KeyCertificateFile")]
    private partial void LogKeys();

    [LoggerMessage(EventId = 4103, Level = LogLevel.Warning, Message = "Audit checkpoints are signed with a key of this process only: name a key file in Audit:SigningKeyFile")]
    private partial void LogCheckpoints();
}
