using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Backups.Migrations;

[DbContext(typeof(BackupsDb))]
[Migration("20261130000100_MarkTimeline")]
public sealed class MarkTimeline : Migration
{
    // Where each timeline began and ended is asked for every second.
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("CREATE INDEX mark_timeline ON backups.mark (cluster, timeline, at);");

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP INDEX backups.mark_timeline;");
}
