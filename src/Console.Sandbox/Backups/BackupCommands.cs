using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Postgres;

namespace OpsConsole.Sandbox.Backups;

/// <summary>What a region's shell offers for backups, restores and restored instances, as an operator would write it for a real host.</summary>
public static class BackupCommands
{
    public static Dictionary<string, string> For(PostgresBinaries binaries, SandboxPaths paths, string region)
    {
        var (program, data, restored) = (PgBackRestHosts.Program(paths, region), paths.PostgresData(region), paths.Restored(region));
        var (settings, ofAll) = (PgBackRestHosts.Settings(paths, region), PgBackRestHosts.SettingsOfAll(paths, region));
        // One that waits for a repository that is left out would wait for its time-outs; PostgreSQL tries again within a second, by the new settings.
        var again = $"pkill -TERM -f -- \"config={settings} .*[a]rchive-push\"; exit 0";
        var run = $"{program} --stanza={{stanza}}";
        return new Dictionary<string, string>
        {
            ["pgbackrest.info"] = $"{run} --output=json info",
            ["pgbackrest.backup"] = $"nice -n 5 {run} --repo={{repo}} --type={{type}} --annotation=operation={{operation}} backup",
            ["pgbackrest.backupFromStandby"] = $"nice -n 5 {PgBackRestHosts.ProgramOfAll(paths, region)} --stanza={{stanza}} --log-level-file=info --repo={{repo}} --type={{type}} --annotation=operation={{operation}} backup",
            // The shell's own text has quotes where the program's arguments have none.
            ["pgbackrest.cancel"] = "pkill -TERM -f -- annotation=operation={operation}; exit 0",
            ["pgbackrest.verify"] = $"nice -n 10 {run} --repo={{repo}} --log-level-console=info --output=text --verbose verify",
            ["pgbackrest.restore"] = $"{run} --repo={{repo}} --set={{set}} --pg1-path={{directory}} --process-max=2 --type=immediate --target-action=promote restore",
            ["pgbackrest.restoreTo"] = $"{run} --repo={{repo}} --set={{set}} --pg1-path={{directory}} --process-max=2 --type={{type}} --target={{target}} --target-timeline={{timeline}} --target-action=promote restore",
            ["pgbackrest.restoreLatest"] = $"{run} --repo={{repo}} --set={{set}} --pg1-path={{directory}} --process-max=2 --type=default restore",
            ["pgbackrest.expire"] = $"{run} --repo={{repo}} --set={{set}} expire",
            ["pgbackrest.trim"] = $"{run} --repo={{repo}} --repo{{repo}}-retention-full={{count}} expire",
            // Finished segments that this node has are brought away once more; those that are stored already are recognised by their checksum.
            ["wal.again"] = $"cd {data}/pg_wal/archive_status && for f in *.done; do [ -e \"$f\" ] && mv \"$f\" \"${{f%.done}}.ready\"; done; exit 0",

            ["log.reach"] = $"{Numbered("exit 0")}; t={program}.reach; sed \"s/^#repo$n-/repo$n-/\" {settings} >$t && timeout 8 pgbackrest --config=$t --repo=$n repo-ls >/dev/null",
            ["log.leave"] = $"{Numbered()}; grep -q \"^repo[^$n]-type\" {settings} || {{ echo no other repository is left >&2; exit 1; }}; sed -i \"s/^repo$n-/#repo$n-/\" {settings} {ofAll}; {again}",
            ["log.return"] = $"{Numbered()}; sed -i \"s/^#repo$n-/repo$n-/\" {settings} {ofAll}; {again}",
            ["log.left"] = $"{Numbered()}; grep -q \"^#repo$n-type\" {settings}",

            ["streaming.unpack"] = "umask 077; mkdir -p {directory} && cd {directory} && [ -z \"$(ls -A)\" ] || { echo the directory is not empty >&2; exit 1; }; exec tar -x -f -",
            ["pgdump.load"] = Load(binaries),
            ["data.look"] = "d={data}; [ -e $d.before-{operation} ] && echo aside; exit 0",
            ["data.aside"] = "d={data}; [ -e $d.before-{operation} ] || mv $d $d.before-{operation}",
            ["data.empty"] = "umask 077; d={data}; [ -e $d.before-{operation} ] && rm -rf $d && mkdir $d",
            ["data.settle"] = "umask 077; d={data}; a=$d.before-{operation}; cp -p $a/postgresql.conf $a/sandbox.conf $a/pg_hba.conf $d/ && rm -f $d/standby.signal && cat >> $d/postgresql.auto.conf",
            // The history files of the branch that is left come along: the old data opens on a timeline past it, so that no number means two histories.
            ["data.back"] = "umask 077; d={data}; a=$d.before-{operation}; [ -e $a ] || exit 0; cp -n $d/pg_wal/*.history $a/pg_wal/ 2>/dev/null; cat >> $a/postgresql.auto.conf && touch $a/recovery.signal && rm -rf $d && mv $a $d",
            ["data.drop"] = "d={data}; rm -rf $d.before-{operation}",

            ["instance.take"] = $"mkdir -p {restored} && ln -sT {{operation}} {restored}/{{port}}.owner && echo {restored}/{{port}}",
            ["instance.list"] = $"cd {restored} 2>/dev/null || exit 0; for l in *.owner; do [ -L \"$l\" ] && echo \"${{l%.owner}} $(readlink \"$l\") {restored}/${{l%.owner}} $(head -n 1 \"${{l%.owner}}/postmaster.pid\" 2>/dev/null)\"; done; exit 0",
            ["instance.start"] = $"umask 077; d={restored}/{{port}}; rm -f $d/standby.signal $d/postmaster.pid; cat >> $d/postgresql.auto.conf && "
                + $"{binaries["pg_ctl"]} -D $d -w -t 600 -l $d.log start >/dev/null || {{ tail -n 20 $d.log >&2; exit 1; }}",
            ["instance.log"] = $"tail -n 40 {restored}/{{port}}.log",
            ["instance.check"] = $"PGPASSFILE={paths.PasswordFile(region)} {binaries["pg_amcheck"]} -h 127.0.0.1 -p {{port}} -U {OrdersCluster.Operator} --all --install-missing 2>&1",
            ["instance.remove"] = $"d={restored}/{{port}}; [ \"$(readlink $d.owner)\" = {{operation}} ] || exit 0; pkill -KILL -f -- \"pg1-path=$d \"; "
                + "p=$(head -n 1 $d/postmaster.pid 2>/dev/null) && tr '\\0' ' ' </proc/$p/cmdline 2>/dev/null | grep -qF -- \"-D $d \" && { kill -INT $p; n=0; while kill -0 $p 2>/dev/null && [ $n -lt 500 ]; do sleep 0.01; n=$((n+1)); done; kill -KILL $p $(pgrep -P $p) 2>/dev/null; }; "
                + "rm -rf $d $d.log && rm -f $d.owner",
        };
    }

    /// <summary>pgBackRest's number of the repository in <c>{region}</c>.</summary>
    private static string Numbered(string otherwise = "echo no repository there >&2; exit 2") => $"case {{region}} in {string.Concat(PgBackRestHosts.Repositories.Select(r => $"{r.Value}) n={r.Key};; "))}*) {otherwise};; esac";

    /// <summary>A server of its own for a dump: made, loaded through a socket that only its user reaches, and stopped. It lets nobody in without a password.</summary>
    public static string Load(PostgresBinaries binaries) =>
        "umask 077; d={directory}; l=$d/load; mkdir -p $d && [ -z \"$(ls -A $d)\" ] || { echo the directory is not empty >&2; exit 1; }; "
        + $"{binaries["initdb"]} -D $d -U {{owner}} -A reject -E UTF8 --locale=C -k -N >/dev/null && mkdir $l && tar -x -f - -C $l && echo local all all trust >$l/hba && "
        + "echo host all all all scram-sha-256 >$d/pg_hba.conf && echo \"unix_socket_directories = ''\" >>$d/postgresql.auto.conf && "
        + $"{binaries["pg_ctl"]} -D $d -w -t 600 -l $l/log -o \"-p 5432 -h '' -k $l -c hba_file=$l/hba -c fsync=off\" start >/dev/null && "
        + $"{binaries["psql"]} -h $l -p 5432 -U {{owner}} -d template1 -X -q -v ON_ERROR_STOP=1 -f $l/roles.sql >/dev/null && "
        + $"{binaries["pg_restore"]} -h $l -p 5432 -U {{owner}} -d template1 --clean --if-exists --create --exit-on-error --no-tablespaces $l/database.dump && "
        + $"{binaries["pg_ctl"]} -D $d -w -m fast stop >/dev/null && rm -rf $l && {binaries["initdb"]} -D $d --sync-only >/dev/null && exit 0; "
        + $"tail -n 5 $l/log >&2; {binaries["pg_ctl"]} -D $d -w -m immediate stop >/dev/null 2>&1; exit 1";
}
