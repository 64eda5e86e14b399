using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Backups.Migrations;

[DbContext(typeof(BackupsDb))]
[Migration("20261123000500_Backups")]
public sealed class BackupTables : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE SCHEMA IF NOT EXISTS backups;

        CREATE TABLE backups.backup (
            id              uuid PRIMARY KEY,
            cluster         text NOT NULL,
            type            text NOT NULL CHECK (type IN ('full','incremental','logical')),
            engine          text NOT NULL,
            state           text NOT NULL CHECK (state IN ('taken','copied','verified','proven','failed','expired')),
            operation_id    uuid NOT NULL UNIQUE,
            base_id         uuid REFERENCES backups.backup,
            started_at      timestamptz NOT NULL,
            ended_at        timestamptz NOT NULL,
            size_bytes      bigint NOT NULL,
            stop_lsn        text,
            timeline        int,
            verified_at     timestamptz,
            proven_at       timestamptz,
            restore_seconds double precision,
            failure         text NOT NULL DEFAULT '',
            held_by         text,
            held_reason     text,
            held_at         timestamptz,
            expired_at      timestamptz
        );
        CREATE INDEX backup_cluster ON backups.backup (cluster, ended_at DESC);

        CREATE TABLE backups.copy (
            backup_id    uuid NOT NULL REFERENCES backups.backup,
            repository   text NOT NULL,
            region       text NOT NULL,
            label        text NOT NULL,
            state        text NOT NULL CHECK (state IN ('stored','verified','failed','expired')),
            stored_bytes bigint NOT NULL,
            checked_at   timestamptz,
            detail       text NOT NULL DEFAULT '',
            PRIMARY KEY (backup_id, repository)
        );

        -- A backup's life: may be added to and read, never changed.
        CREATE TABLE backups.change (
            id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            backup_id uuid NOT NULL REFERENCES backups.backup,
            at        timestamptz NOT NULL,
            by        text NOT NULL,
            what      text NOT NULL,
            detail    text NOT NULL
        );
        CREATE INDEX change_backup ON backups.change (backup_id, id);

        -- Which moment a position of the log belongs to: positions seen on the primary, and what is known to be stored elsewhere.
        CREATE TABLE backups.mark (
            cluster  text NOT NULL,
            at       timestamptz NOT NULL,
            timeline int NOT NULL,
            lsn      pg_lsn NOT NULL,
            PRIMARY KEY (cluster, at)
        );
        CREATE TABLE backups.archived (
            cluster    text NOT NULL,
            engine     text NOT NULL,
            timeline   int NOT NULL,
            lsn        pg_lsn NOT NULL,
            seen_at    timestamptz NOT NULL,
            PRIMARY KEY (cluster, engine)
        );
        -- Where a timeline ended: log of it past this position belongs to no history that is kept.
        CREATE TABLE backups.fork (
            cluster  text NOT NULL,
            timeline int NOT NULL,
            lsn      pg_lsn NOT NULL,
            at       timestamptz NOT NULL,
            PRIMARY KEY (cluster, timeline)
        );

        -- Each due run of a schedule happens once, whichever node sees it first.
        CREATE TABLE backups.run (
            cluster      text NOT NULL,
            purpose      text NOT NULL,
            due_at       timestamptz NOT NULL,
            decided_at   timestamptz NOT NULL,
            reason       text NOT NULL,
            operation_id uuid,
            PRIMARY KEY (cluster, purpose, due_at)
        );
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP SCHEMA backups CASCADE;");
}

/// <summary>The model is empty: tables are declared in SQL.</summary>
[DbContext(typeof(BackupsDb))]
public sealed class BackupsDbModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder) => modelBuilder.HasAnnotation("ProductVersion", "10.0.14");
}
