using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Operations.Migrations;

/// <summary>Nobody reviews their own break-glass start, through no account of theirs.</summary>
[DbContext(typeof(OperationsDb))]
[Migration("20261130000100_ReviewIdentities")]
public sealed class ReviewIdentities : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) =>
        migrationBuilder.Sql("ALTER TABLE ops.review ADD COLUMN owed_identities text[] NOT NULL DEFAULT '{}'");

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("ALTER TABLE ops.review DROP COLUMN owed_identities");
}
