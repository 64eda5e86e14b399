using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Web.Identity.Migrations;

/// <summary>Nothing was ever kept in it: an operation's own row keeps its idempotency key.</summary>
[DbContext(typeof(IdentityDb))]
[Migration("20261130000100_NoIdempotentAnswers")]
public sealed class NoIdempotentAnswers : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP TABLE identity.idempotent_answer");

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE TABLE identity.idempotent_answer (
            "UserId"      uuid NOT NULL,
            "Key"         text NOT NULL,
            "Request"     bytea NOT NULL,
            "CreatedAt"   timestamptz NOT NULL,
            "Status"      integer,
            "ContentType" text,
            "Location"    text,
            "Body"        bytea,
            CONSTRAINT "PK_idempotent_answer" PRIMARY KEY ("UserId", "Key")
        );
        CREATE INDEX "IX_idempotent_answer_CreatedAt" ON identity.idempotent_answer ("CreatedAt");
        """);
}
