using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Backups.Migrations;

/// <summary>Backups of the configuration.</summary>
[DbContext(typeof(BackupsDb))]
[Migration("20261201000100_Configuration")]
public sealed class ConfigurationType : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        ALTER TABLE backups.backup DROP CONSTRAINT backup_type_check, ADD CONSTRAINT backup_type_check CHECK (type IN ('full','incremental','logical','configuration'));
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        ALTER TABLE backups.backup DROP CONSTRAINT backup_type_check, ADD CONSTRAINT backup_type_check CHECK (type IN ('full','incremental','logical')) NOT VALID;
        """);
}
