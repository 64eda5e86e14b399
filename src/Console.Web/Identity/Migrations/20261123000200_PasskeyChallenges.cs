using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Web.Identity.Migrations;

/// <summary>Challenges that wait for a passkey's answer. Outside the model: rows are taken by one statement that also deletes them.</summary>
[DbContext(typeof(IdentityDb))]
[Migration("20261123000200_PasskeyChallenges")]
public sealed class PasskeyChallenges : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE TABLE identity.passkey_challenge (
            id         uuid PRIMARY KEY,
            user_id    uuid REFERENCES identity."user" ("Id") ON DELETE CASCADE,
            purpose    text NOT NULL,
            state      text NOT NULL,
            expires_at timestamptz NOT NULL
        );
        CREATE INDEX passkey_challenge_expires ON identity.passkey_challenge (expires_at);
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP TABLE identity.passkey_challenge");
}
