using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Drills.Migrations;

[DbContext(typeof(DrillsDb))]
[Migration("20261123000700_Drills")]
public sealed class DrillsTables : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE SCHEMA IF NOT EXISTS drills;

        -- One row for each occurrence of a schedule that was dealt with; the key keeps it from running twice.
        CREATE TABLE drills.occurrence (
            schedule     text NOT NULL,
            due_at       timestamptz NOT NULL,
            operation_id uuid,
            note         text NOT NULL DEFAULT '',
            at           timestamptz NOT NULL,
            PRIMARY KEY (schedule, due_at)
        );
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP SCHEMA drills CASCADE;");
}

/// <summary>The model is empty: tables are declared in SQL.</summary>
[DbContext(typeof(DrillsDb))]
public sealed class DrillsDbModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder) => modelBuilder.HasAnnotation("ProductVersion", "10.0.14");
}
