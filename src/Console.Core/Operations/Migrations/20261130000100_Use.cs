using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Operations.Migrations;

/// <summary>What is only read may be claimed by any number at once; whether an operation was taken back is looked up with each reading.</summary>
[DbContext(typeof(OperationsDb))]
[Migration("20261130000100_Use")]
public sealed class Use : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        ALTER TABLE ops.claim DROP CONSTRAINT claim_class_check;
        ALTER TABLE ops.claim ADD CONSTRAINT claim_class_check CHECK (class IN ('topology','data','fault','use'));
        DROP INDEX ops.claim_active;
        CREATE UNIQUE INDEX claim_active ON ops.claim (resource, class) WHERE active AND class <> 'use';
        CREATE INDEX operation_rollback ON ops.operation (rollback_of) WHERE rollback_of IS NOT NULL;
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        DROP INDEX ops.operation_rollback;
        DELETE FROM ops.claim WHERE class = 'use';
        DROP INDEX ops.claim_active;
        CREATE UNIQUE INDEX claim_active ON ops.claim (resource, class) WHERE active;
        ALTER TABLE ops.claim DROP CONSTRAINT claim_class_check;
        ALTER TABLE ops.claim ADD CONSTRAINT claim_class_check CHECK (class IN ('topology','data','fault'));
        """);
}
