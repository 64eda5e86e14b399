using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Chaos.Migrations;

[DbContext(typeof(ChaosDb))]
[Migration("20261123000600_Chaos")]
public sealed class ChaosTables : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE SCHEMA IF NOT EXISTS chaos;

        -- Why schedules of experiments and drills stand still. A cause pauses them once: whoever resumes them is not overruled by it.
        CREATE TABLE chaos.pause (
            cause      text PRIMARY KEY,
            reason     text NOT NULL,
            by         text NOT NULL,
            at         timestamptz NOT NULL,
            resumed_at timestamptz,
            resumed_by text
        );

        -- Experiments that were imported; shipped ones and the configuration's are not here.
        CREATE TABLE chaos.experiment (
            id   text PRIMARY KEY,
            body jsonb NOT NULL,
            by   text NOT NULL,
            at   timestamptz NOT NULL
        );
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP SCHEMA chaos CASCADE;");
}

/// <summary>The model is empty: tables are declared in SQL.</summary>
[DbContext(typeof(ChaosDb))]
public sealed class ChaosDbModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder) => modelBuilder.HasAnnotation("ProductVersion", "10.0.14");
}
