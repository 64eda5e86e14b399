using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace OpsConsole.Core.Health.Telemetry.Migrations;

[DbContext(typeof(TelemetryDb))]
[Migration("20261123000200_Telemetry")]
public sealed class TelemetryTables : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("""
        CREATE SCHEMA IF NOT EXISTS telemetry;

        -- What is charted: service:ID, link:KEY:lagSeconds, ... Rows elsewhere carry the number.
        CREATE TABLE telemetry.series (
            id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            key text NOT NULL UNIQUE
        );

        CREATE TABLE telemetry.probe (
            id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            key    text NOT NULL UNIQUE,
            series integer NOT NULL REFERENCES telemetry.series
        );

        -- Raw samples and values, a partition a day. The time index is a BRIN: rows come in the order of time.
        CREATE TABLE telemetry.sample (
            at          timestamptz NOT NULL,
            probe       integer NOT NULL,
            duration_us integer NOT NULL,
            outcome     smallint NOT NULL,
            status      smallint NOT NULL
        ) PARTITION BY RANGE (at);
        CREATE INDEX sample_probe_at ON telemetry.sample (probe, at);
        CREATE INDEX sample_at ON telemetry.sample USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

        CREATE TABLE telemetry.metric (
            at     timestamptz NOT NULL,
            value  double precision NOT NULL,
            series integer NOT NULL
        ) PARTITION BY RANGE (at);
        CREATE INDEX metric_series_at ON telemetry.metric (series, at);
        CREATE INDEX metric_at ON telemetry.metric USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

        -- Roll-ups. The key carries the figures of a chart, so that a long range is read from the index alone, in order;
        -- the histogram (mergeable, see LogHistogram) is read only where rows must be merged.
        CREATE TABLE telemetry.minute (
            series integer NOT NULL, at timestamptz NOT NULL,
            count integer NOT NULL, errors integer NOT NULL, client_errors integer NOT NULL, server_errors integer NOT NULL,
            valued integer NOT NULL, total double precision NOT NULL, greatest real NOT NULL,
            p50 real, p95 real, p99 real, histogram bytea NOT NULL,
            PRIMARY KEY (series, at) INCLUDE (count, errors, client_errors, server_errors, valued, total, greatest, p50, p95, p99)
        ) PARTITION BY RANGE (at);
        CREATE TABLE telemetry.hour (LIKE telemetry.minute,
            PRIMARY KEY (series, at) INCLUDE (count, errors, client_errors, server_errors, valued, total, greatest, p50, p95, p99)
        ) PARTITION BY RANGE (at);
        CREATE TABLE telemetry.day (LIKE telemetry.minute,
            PRIMARY KEY (series, at) INCLUDE (count, errors, client_errors, server_errors, valued, total, greatest, p50, p95, p99)
        );

        -- Up to when each level is rolled up from the one below; moved in the same transaction as its rows.
        CREATE TABLE telemetry.watermark (
            level text PRIMARY KEY,
            upto  timestamptz NOT NULL
        );

        CREATE TABLE telemetry.transition (
            id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at          timestamptz NOT NULL,
            kind        text NOT NULL,
            key         text NOT NULL,
            from_status text NOT NULL,
            to_status   text NOT NULL,
            reason      text NOT NULL
        );
        CREATE INDEX transition_at ON telemetry.transition (at);

        -- Who observes. One row; the epoch grows with each holder.
        CREATE TABLE telemetry.lease (
            name    text PRIMARY KEY,
            holder  text NOT NULL,
            epoch   bigint NOT NULL,
            expires timestamptz NOT NULL
        );

        -- What the observer tells the other nodes; nothing of it outlives a crash of the database, nor need it.
        CREATE UNLOGGED TABLE telemetry.follower (
            node           text PRIMARY KEY,
            seen           timestamptz NOT NULL,
            wants_snapshot boolean NOT NULL
        );
        CREATE UNLOGGED TABLE telemetry.batch (
            epoch    bigint NOT NULL,
            sequence bigint NOT NULL,
            at       timestamptz NOT NULL,
            snapshot boolean NOT NULL,
            payload  bytea NOT NULL
        );
        CREATE INDEX batch_sequence ON telemetry.batch (epoch, sequence);

        -- Partitions that cover a span; the app role may call it but owns nothing.
        CREATE FUNCTION telemetry.cover(first timestamptz, last timestamptz) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE
            d date; parent text; step interval; unit text; name text;
        BEGIN
            IF last - first > interval '4000 days' THEN
                RAISE EXCEPTION 'telemetry.cover: at most 4000 days';
            END IF;
            FOREACH parent IN ARRAY ARRAY['sample', 'metric', 'minute', 'hour'] LOOP
                unit := CASE parent WHEN 'hour' THEN 'month' ELSE 'day' END;
                step := ('1 ' || unit)::interval;
                d := date_trunc(unit, first AT TIME ZONE 'UTC')::date;
                WHILE d <= (last AT TIME ZONE 'UTC')::date LOOP
                    name := parent || '_' || to_char(d, 'YYYYMMDD');
                    IF to_regclass('telemetry.' || name) IS NULL THEN
                        EXECUTE format('CREATE TABLE telemetry.%I PARTITION OF telemetry.%I FOR VALUES FROM (%L) TO (%L)',
                            name, parent, d::text || ' 00:00:00+00', (d + step)::date::text || ' 00:00:00+00');
                    END IF;
                    d := (d + step)::date;
                END LOOP;
            END LOOP;
        END $$;

        -- Drops what is older than its retention; never less than a day of anything.
        CREATE FUNCTION telemetry.expire(raw_days integer, minute_days integer, hour_days integer, day_days integer) RETURNS integer
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE
            part record; keep integer; dropped integer := 0;
        BEGIN
            FOR part IN
                SELECT child.relname AS name, parent.relname AS parent, right(child.relname, 8)::date AS starts
                FROM pg_inherits i JOIN pg_class child ON child.oid = i.inhrelid JOIN pg_class parent ON parent.oid = i.inhparent
                JOIN pg_namespace n ON n.oid = parent.relnamespace
                WHERE n.nspname = 'telemetry' AND parent.relkind = 'p' AND child.relkind = 'r'
            LOOP
                keep := greatest(CASE part.parent WHEN 'minute' THEN minute_days WHEN 'hour' THEN hour_days ELSE raw_days END, 1);
                IF part.starts + (CASE part.parent WHEN 'hour' THEN interval '1 month' ELSE interval '1 day' END)
                    <= (now() AT TIME ZONE 'UTC')::date - keep THEN
                    EXECUTE format('DROP TABLE telemetry.%I', part.name);
                    dropped := dropped + 1;
                END IF;
            END LOOP;
            DELETE FROM telemetry.day WHERE at < now() - make_interval(days => greatest(day_days, 1));
            DELETE FROM telemetry.transition WHERE at < now() - make_interval(days => greatest(hour_days, 1));
            RETURN dropped;
        END $$;

        REVOKE ALL ON FUNCTION telemetry.cover(timestamptz, timestamptz) FROM PUBLIC;
        REVOKE ALL ON FUNCTION telemetry.expire(integer, integer, integer, integer) FROM PUBLIC;
        SELECT telemetry.cover(now() - interval '1 day', now() + interval '2 days');
        """);

    protected override void Down(MigrationBuilder migrationBuilder) => migrationBuilder.Sql("DROP SCHEMA telemetry CASCADE");
}
