using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Alerts.Notifications.Migrations;

[DbContext(typeof(AlertsDb))]
[Migration("20261123000400_Outbox")]
public sealed class OutboxTables : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE SCHEMA IF NOT EXISTS alerts;

        -- How far the audit log has been read.
        CREATE TABLE alerts.notification_cursor (
            id       int PRIMARY KEY CHECK (id = 1),
            sequence bigint NOT NULL
        );

        CREATE TABLE alerts.outbox (
            id           uuid PRIMARY KEY,
            sequence     bigint NOT NULL,
            channel      text NOT NULL,
            body         text NOT NULL,
            created_at   timestamptz NOT NULL,
            attempts     int NOT NULL DEFAULT 0,
            next_at      timestamptz,
            delivered_at timestamptz,
            abandoned_at timestamptz,
            last_error   text
        );
        CREATE UNIQUE INDEX outbox_once ON alerts.outbox (sequence, channel) WHERE sequence > 0;
        CREATE INDEX outbox_due ON alerts.outbox (next_at) WHERE delivered_at IS NULL AND abandoned_at IS NULL;
        CREATE INDEX outbox_created ON alerts.outbox (created_at DESC);
        """);
}

/// <summary>The model is empty: tables are declared in SQL.</summary>
[DbContext(typeof(AlertsDb))]
public sealed class AlertsDbModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder) => modelBuilder.HasAnnotation("ProductVersion", "10.0.14");
}
