using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace OpsConsole.Core.Health.Telemetry.Migrations;

[DbContext(typeof(TelemetryDb))]
public sealed class TelemetryDbModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder)
    {
        // No entities: the tables are made by SQL and filled by COPY.
    }
}
