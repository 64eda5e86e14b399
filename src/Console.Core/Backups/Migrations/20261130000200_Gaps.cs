using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Backups.Migrations;

/// <summary>Log that is nowhere: no backup from before it leads past it.</summary>
[DbContext(typeof(BackupsDb))]
[Migration("20261130000200_Gaps")]
public sealed class Gaps : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE TABLE backups.gap (
            cluster  text NOT NULL,
            engine   text NOT NULL,
            timeline int NOT NULL,
            from_lsn pg_lsn NOT NULL,
            to_lsn   pg_lsn NOT NULL CHECK (to_lsn > from_lsn),
            at       timestamptz NOT NULL,
            PRIMARY KEY (cluster, engine, timeline, from_lsn)
        );
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP TABLE backups.gap;");
}
