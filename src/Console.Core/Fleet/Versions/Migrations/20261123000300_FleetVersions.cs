using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Fleet.Versions.Migrations;

[DbContext(typeof(FleetDb))]
[Migration("20261123000300_FleetVersions")]
public sealed class FleetVersionTables : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE SCHEMA IF NOT EXISTS fleet;

        CREATE TABLE fleet.version (
            number      integer PRIMARY KEY,
            at          timestamptz NOT NULL,
            author      text NOT NULL,
            document    text NOT NULL,
            differences text NOT NULL
        );
        CREATE INDEX version_at ON fleet.version (at);
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP TABLE fleet.version;");
}
