using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Operations.Migrations;

/// <summary>A person may take over what cannot be undone.</summary>
[DbContext(typeof(OperationsDb))]
[Migration("20261123000500_TakeOver")]
public sealed class TakeOver : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        ALTER TABLE ops.operation DROP CONSTRAINT operation_wish_check;
        ALTER TABLE ops.operation ADD CONSTRAINT operation_wish_check CHECK (wish IN ('cancel','rollBack','takeOver'));
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        ALTER TABLE ops.operation DROP CONSTRAINT operation_wish_check;
        ALTER TABLE ops.operation ADD CONSTRAINT operation_wish_check CHECK (wish IN ('cancel','rollBack'));
        """);
}
