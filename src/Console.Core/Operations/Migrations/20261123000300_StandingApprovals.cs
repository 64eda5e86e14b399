using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Operations.Migrations;

[DbContext(typeof(OperationsDb))]
[Migration("20261123000300_StandingApprovals")]
public sealed class StandingApprovalTable : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE TABLE ops.standing_approval (
            kind     text NOT NULL,
            resource text NOT NULL,
            enabled  boolean NOT NULL,
            reason   text NOT NULL,
            by       text NOT NULL,
            at       timestamptz NOT NULL,
            PRIMARY KEY (kind, resource)
        );
        """);
}
