using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Web.Identity.Migrations;

/// <summary>Identities of accounts, past ones too: a link that is removed is still known. Outside the model.</summary>
[DbContext(typeof(IdentityDb))]
[Migration("20261130000000_KnownIdentities")]
public sealed class KnownIdentitiesTable : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE TABLE identity.known_identity (
            user_id  uuid NOT NULL REFERENCES identity."user" ("Id") ON DELETE CASCADE,
            identity text NOT NULL,
            until    timestamptz,
            PRIMARY KEY (user_id, identity)
        );

        CREATE FUNCTION identity.know_login() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identity.known_identity (user_id, identity)
            SELECT NEW."UserId", i FROM unnest(ARRAY['oidc:' || NEW."LoginProvider" || ':' || NEW."ProviderKey",
                CASE WHEN NEW."ProviderDisplayName" LIKE '%_@_%' THEN 'mail:' || lower(NEW."ProviderDisplayName") END]) i WHERE i IS NOT NULL
            ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$;
        CREATE TRIGGER know_login AFTER INSERT OR UPDATE ON identity.user_login FOR EACH ROW EXECUTE FUNCTION identity.know_login();
        UPDATE identity.user_login SET "ProviderKey" = "ProviderKey";
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        DROP TRIGGER know_login ON identity.user_login;
        DROP FUNCTION identity.know_login;
        DROP TABLE identity.known_identity;
        """);
}
