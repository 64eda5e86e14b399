using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Audit.Migrations;

[DbContext(typeof(AuditDb))]
[Migration("20261123000000_AuditChain")]
public sealed class AuditChainTables : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE SCHEMA IF NOT EXISTS audit;

        CREATE TABLE audit.entry (
            sequence      bigint PRIMARY KEY,
            at            timestamptz NOT NULL,
            actor         bytea NOT NULL,
            action        text NOT NULL,
            target        text NOT NULL,
            reason        text,
            source        bytea,
            before        text,
            after         text,
            hash          bytea NOT NULL,
            previous_hash bytea NOT NULL
        );
        CREATE INDEX entry_at ON audit.entry (at);
        CREATE INDEX entry_action ON audit.entry (action, sequence);
        CREATE INDEX entry_actor ON audit.entry (actor, sequence);

        -- Personal data outside the hashed rows: erasing value and salt leaves the chain whole and the digest meaningless.
        CREATE TABLE audit.person (
            digest    bytea PRIMARY KEY,
            salt      bytea,
            value     text,
            erased_at timestamptz
        );
        CREATE UNIQUE INDEX person_value ON audit.person (value);

        CREATE TABLE audit.checkpoint (
            at         timestamptz NOT NULL,
            sequence   bigint NOT NULL,
            head       bytea NOT NULL,
            public_key bytea NOT NULL,
            signature  bytea NOT NULL,
            PRIMARY KEY (sequence, at)
        );
        """);

    protected override void Down(MigrationBuilder migrationBuilder) =>
        throw new NotSupportedException("The audit chain is never taken down by a migration.");
}
