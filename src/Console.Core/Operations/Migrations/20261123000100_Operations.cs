using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Operations.Migrations;

[DbContext(typeof(OperationsDb))]
[Migration("20261123000100_Operations")]
public sealed class OperationsTables : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE SCHEMA IF NOT EXISTS ops;

        -- Every plan that was shown to somebody: an operation refers to one by its hash, and a void approval shows the difference.
        CREATE TABLE ops.plan (
            hash       text PRIMARY KEY,
            body       text NOT NULL,
            created_at timestamptz NOT NULL
        );

        CREATE TABLE ops.operation (
            id              uuid PRIMARY KEY,
            kind            text NOT NULL,
            title           text NOT NULL,
            plan_hash       text NOT NULL REFERENCES ops.plan,
            request         jsonb NOT NULL,
            preflight       jsonb NOT NULL,
            state           text NOT NULL CHECK (state IN ('planned','awaitingApproval','approved','running','succeeded','failed','rollingBack','rolledBack','cancelled','expired')),
            requested_by    text NOT NULL,
            requested_by_id text NOT NULL,
            reason          text NOT NULL,
            start_mode      text NOT NULL CHECK (start_mode IN ('automatic','manual')),
            idempotency_key text,
            approval_id     uuid,
            rollback_of     uuid REFERENCES ops.operation,
            created_at      timestamptz NOT NULL,
            started_at      timestamptz,
            ended_at        timestamptz,
            execute_before  timestamptz,
            commit_until    timestamptz,
            wish            text CHECK (wish IN ('cancel','rollBack')),
            ending          text,
            end_reason      text,
            result          jsonb NOT NULL DEFAULT '{}',
            outputs         jsonb NOT NULL DEFAULT '{}',
            -- The lease. Times of the lease are the database's: nodes' clocks do not matter.
            holder          text,
            instance        text,
            epoch           bigint NOT NULL DEFAULT 0,
            lease_until     timestamptz,
            section_until   timestamptz,
            section_proof   boolean NOT NULL DEFAULT false,
            events          bigint NOT NULL DEFAULT 0
        );
        CREATE UNIQUE INDEX operation_idempotency ON ops.operation (requested_by_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
        CREATE INDEX operation_open ON ops.operation (state) WHERE state IN ('awaitingApproval','approved','running','rollingBack');
        CREATE INDEX operation_created ON ops.operation (created_at DESC);

        CREATE TABLE ops.step (
            operation_id uuid NOT NULL REFERENCES ops.operation,
            index        int NOT NULL,
            state        text NOT NULL,
            started_at   timestamptz,
            ended_at     timestamptz,
            undone_at    timestamptz,
            detail       text NOT NULL DEFAULT '',
            progress     double precision NOT NULL DEFAULT 0,
            PRIMARY KEY (operation_id, index)
        );

        CREATE TABLE ops.journal (
            operation_id uuid NOT NULL REFERENCES ops.operation,
            sequence     bigint NOT NULL,
            at           timestamptz NOT NULL,
            epoch        bigint NOT NULL,
            node         text NOT NULL,
            kind         text NOT NULL,
            step         int,
            text         text NOT NULL,
            data         jsonb,
            local        bigint,
            PRIMARY KEY (operation_id, sequence)
        );
        -- Entries of a local journal are taken over once.
        CREATE UNIQUE INDEX journal_local ON ops.journal (operation_id, epoch, local) WHERE local IS NOT NULL;

        -- Two operations never hold the same class of the same resource.
        CREATE TABLE ops.claim (
            operation_id uuid NOT NULL REFERENCES ops.operation,
            resource     text NOT NULL,
            class        text NOT NULL CHECK (class IN ('topology','data','fault')),
            active       boolean NOT NULL DEFAULT true,
            PRIMARY KEY (operation_id, resource, class)
        );
        CREATE UNIQUE INDEX claim_active ON ops.claim (resource, class) WHERE active;

        CREATE FUNCTION ops.announce() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('ops', NEW.operation_id || ' ' || NEW.sequence || ' ' || NEW.kind);
            RETURN NULL;
        END $$;
        CREATE TRIGGER announce AFTER INSERT ON ops.journal FOR EACH ROW EXECUTE FUNCTION ops.announce();

        CREATE TABLE ops.approval (
            id                   uuid PRIMARY KEY,
            operation_id         uuid REFERENCES ops.operation,
            subject              text NOT NULL,
            plan_hash            text NOT NULL,
            state                text NOT NULL CHECK (state IN ('pending','approved','rejected','expired','void')),
            rule                 jsonb NOT NULL,
            policy_version       int NOT NULL,
            requested_by         text NOT NULL,
            requested_by_id      text NOT NULL,
            requested_identities text[] NOT NULL,
            reason               text NOT NULL,
            created_at           timestamptz NOT NULL,
            expires_at           timestamptz NOT NULL,
            ended_at             timestamptz,
            changes              jsonb
        );
        CREATE INDEX approval_created ON ops.approval (created_at DESC);

        CREATE TABLE ops.decision (
            approval_id uuid NOT NULL REFERENCES ops.approval,
            person_id   text NOT NULL,
            email       text NOT NULL,
            roles       text[] NOT NULL,
            identities  text[] NOT NULL,
            approve     boolean NOT NULL,
            comment     text NOT NULL,
            step_up     text,
            at          timestamptz NOT NULL,
            PRIMARY KEY (approval_id, person_id)
        );

        CREATE TABLE ops.approval_policy (
            version     int PRIMARY KEY,
            body        text NOT NULL,
            by          text NOT NULL,
            at          timestamptz NOT NULL,
            approval_id uuid REFERENCES ops.approval
        );

        -- Debts of people: a break-glass start owes a review until somebody else has done it.
        CREATE TABLE ops.review (
            id           uuid PRIMARY KEY,
            operation_id uuid NOT NULL REFERENCES ops.operation,
            kind         text NOT NULL,
            owed_by      text NOT NULL,
            owed_by_id   text NOT NULL,
            reason       text NOT NULL,
            created_at   timestamptz NOT NULL,
            due_at       timestamptz NOT NULL,
            done_at      timestamptz,
            done_by      text,
            notes        text
        );

        CREATE TABLE ops.automation (
            scope  text NOT NULL,
            hold   text NOT NULL CHECK (hold IN ('maintenance','automationPaused','monitoringPaused')),
            reason text NOT NULL,
            by     text NOT NULL,
            since  timestamptz NOT NULL,
            until  timestamptz,
            PRIMARY KEY (scope, hold)
        );

        CREATE TABLE ops.emergency_stop (
            id          uuid PRIMARY KEY,
            engaged_at  timestamptz NOT NULL,
            by          text NOT NULL,
            reason      text NOT NULL,
            operations  uuid[] NOT NULL,
            released_at timestamptz,
            released_by text
        );
        CREATE UNIQUE INDEX emergency_stop_engaged ON ops.emergency_stop ((true)) WHERE released_at IS NULL;
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP SCHEMA ops CASCADE;");
}
