using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Operations.Migrations;

[DbContext(typeof(OperationsDb))]
[Migration("20261123000200_Epoch")]
public sealed class EpochSequence : Migration
{
    // One sequence for all operations: nodes of the fleet remember the highest epoch that acted on them, whichever operation it was.
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("CREATE SEQUENCE ops.epoch;");

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP SEQUENCE ops.epoch;");
}
