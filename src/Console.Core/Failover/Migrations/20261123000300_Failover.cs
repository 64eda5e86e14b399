using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using OpsConsole.Core.Failover.Detection;

namespace OpsConsole.Core.Failover.Migrations;

[DbContext(typeof(FailoverDb))]
[Migration("20261123000300_Failover")]
public sealed class FailoverTables : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE SCHEMA IF NOT EXISTS failover;

        -- A standing approval for failovers without loss; the newest row of a cluster counts.
        CREATE TABLE failover.automatic (
            id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            cluster text NOT NULL,
            enabled boolean NOT NULL,
            by      text NOT NULL,
            reason  text NOT NULL,
            at      timestamptz NOT NULL
        );
        CREATE INDEX automatic_cluster ON failover.automatic (cluster, id DESC);
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP SCHEMA failover CASCADE;");
}

/// <summary>The model is empty: tables are declared in SQL.</summary>
[DbContext(typeof(FailoverDb))]
public sealed class FailoverDbModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder) => modelBuilder.HasAnnotation("ProductVersion", "10.0.14");
}
