using OpsConsole.Sandbox.Backups;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Postgres;

/// <summary>The replicated database of the fleet: one primary, three standbys that stream through the links of their regions,
/// and quorum commit: <c>ANY 2</c> of the three that a node does not include itself in.</summary>
public sealed class OrdersCluster
{
    public const string Database = "orders";
    public const string Application = "orders";
    // A superuser: besides watching, the console promotes, changes settings, rewrites pg_hba.conf's effect by reload, ends
    // sessions of any role and serves pg_rewind as its source. The guide lists the single rights for a fleet that wants less.
    public const string Operator = "opsconsole";
    public const string Replicator = "replicator";

    private readonly PortPlan _ports;
    private readonly SecretStore _secrets;
    private readonly SandboxPaths _paths;
    private readonly RunUser _user;
    private readonly Action<string> _say;

    public OrdersCluster(PostgresBinaries binaries, Supervisor supervisor, SandboxPaths paths, PortPlan ports, SecretStore secrets, Action<string> say)
    {
        _ports = ports;
        _secrets = secrets;
        _paths = paths;
        _user = supervisor.User;
        _say = say;
        Nodes = Sites.Regions.ToDictionary(
            r => r.Id,
            r => new PostgresServer(binaries, supervisor, r.Id, paths.PostgresData(r.Id), ports.Postgres(r.Id), Operator, secrets.Get("postgres-operator")));
    }

    public IReadOnlyDictionary<string, PostgresServer> Nodes { get; }

    /// <summary>Region of the primary as of the start.</summary>
    public string Primary { get; private set; } = Sites.Regions[0].Id;

    /// <summary>Starts what the directories hold: the roles found there stay. Of several that claim to be the primary the one with
    /// the newest timeline is; the others return as its standbys before anything points at them.</summary>
    public async Task StartAsync(CancellationToken cancel)
    {
        foreach (var region in Nodes.Keys)
        {
            _user.Write(PasswordFile(region), $"*:*:*:{Operator}:{_secrets.Get("postgres-operator")}\n*:*:*:{Replicator}:{_secrets.Get("postgres-replicator")}\n");
        }
        var claimants = Nodes.Where(n => n.Value is { Exists: true, IsStandby: false }).Select(n => n.Key).ToList();
        var fresh = !Nodes.Values.Any(n => n.Exists);
        Primary = fresh ? Sites.Regions[0].Id : claimants.MaxBy(r => Nodes[r].Timeline()) ?? await ElectAsync(cancel);

        var primary = Nodes[Primary];
        if (fresh)
        {
            _say($"Making the database cluster: primary in {Primary}, three standbys.");
            await BootstrapAsync(primary, cancel);
        }
        else
        {
            Configure(Primary);
            if (primary.Postmaster is null)
            {
                primary.Start();
            }
        }
        await primary.WaitReadyAsync(cancel);
        await EnsureSlotsAsync(Primary, cancel);
        await Task.WhenAll(Nodes.Keys.Where(r => r != Primary).Select(r => StartStandbyAsync(r, claimants.Contains(r), cancel)));
        await WaitQuorumAsync(cancel);
    }

    /// <summary>How <paramref name="from"/>'s region reaches the node of another, as libpq writes it.</summary>
    public string Conninfo(string from, string to, string user) =>
        $"host=127.0.0.1 port={_ports.Via(from, to, Services.Postgres)} user={user} application_name={Sites.Region(from).SqlName} connect_timeout=5";

    /// <summary>What a standby's settings say about its source.</summary>
    public string PrimaryConninfo(string from, string to) => $"{Conninfo(from, to, Replicator)} password={_secrets.Get("postgres-replicator")}";

    private async Task BootstrapAsync(PostgresServer primary, CancellationToken cancel)
    {
        await primary.InitializeAsync(cancel);
        Configure(Primary);
        primary.Start();
        await primary.WaitReadyAsync(cancel);
        await primary.ExecuteAsync($"""
            CREATE ROLE {Replicator} LOGIN REPLICATION PASSWORD '{_secrets.Get("postgres-replicator")}';
            CREATE ROLE {Application} LOGIN PASSWORD '{_secrets.Get("postgres-orders")}';
            """, cancel: cancel);
        await primary.ExecuteAsync($"CREATE DATABASE {Database} OWNER {Application}", cancel: cancel);
        await primary.ExecuteAsync($"""
            ALTER SCHEMA public OWNER TO {Application};
            SET ROLE {Application};
            CREATE TABLE orders (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                region text NOT NULL,
                customer text NOT NULL,
                amount numeric(10, 2) NOT NULL,
                created_at timestamptz NOT NULL DEFAULT clock_timestamp());
            """, Database, cancel);
        primary.MarkComplete();
    }

    private async Task StartStandbyAsync(string region, bool claimsToBePrimary, CancellationToken cancel)
    {
        var node = Nodes[region];
        if (node.Exists && claimsToBePrimary)
        {
            _say($"{region} still holds an old primary: it returns as a standby of {Primary}.");
            if (!await node.RewindAsync(Conninfo(region, Primary, Operator) + " dbname=postgres", PasswordFile(region), cancel))
            {
                await CopyAsync(region, cancel);
            }
        }
        else if (!node.Exists)
        {
            await CopyAsync(region, cancel);
        }

        Configure(region);
        node.ConfigureAutomatic(new Dictionary<string, string?>
        {
            ["primary_conninfo"] = PrimaryConninfo(region, Primary),
            ["primary_slot_name"] = Sites.Region(region).SqlName,
        });
        node.MakeStandby();
        node.MarkComplete();
        node.Start();
        await node.WaitReadyAsync(cancel);
        await EnsureSlotsAsync(region, cancel);
    }

    private Task CopyAsync(string region, CancellationToken cancel) =>
        Nodes[region].CopyFromAsync(Conninfo(region, Primary, Replicator), PasswordFile(region), cancel);

    private string PasswordFile(string region) => _paths.PasswordFile(region);

    // Every directory holds a standby, as after a start that ended between demotion and promotion: the most advanced is promoted.
    private async Task<string> ElectAsync(CancellationToken cancel)
    {
        var known = Nodes.Where(n => n.Value.Exists).ToList();
        var received = new Dictionary<string, decimal>();
        foreach (var (region, node) in known)
        {
            Configure(region);
            node.Start();
            await node.WaitReadyAsync(cancel);
            received[region] = await node.QueryAsync<decimal>("SELECT pg_wal_lsn_diff(coalesce(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0'), '0/0')", cancel: cancel);
        }
        var elected = received.OrderByDescending(r => r.Value).ThenBy(r => Sites.Region(r.Key).Priority).First().Key;
        _say($"No primary was found on disk: promoting {elected}, which has the most of the log.");
        await Nodes[elected].ExecuteAsync("SELECT pg_promote()", cancel: cancel);
        await Task.WhenAll(known.Where(n => n.Key != elected).Select(n => n.Value.StopAsync(cancel)));
        return elected;
    }

    private void Configure(string region)
    {
        var others = string.Join(", ", Sites.Regions.Where(r => r.Id != region).Select(r => r.SqlName));
        Nodes[region].Configure(PostgresSettings.Node(Nodes[region].Port, Sites.Region(region).SqlName, $"ANY 2 ({others})", PgBackRestHosts.ArchiveCommand(_paths, region)));
    }

    // On every node for every other one, so that whoever becomes primary finds them.
    private async Task EnsureSlotsAsync(string region, CancellationToken cancel)
    {
        foreach (var other in Sites.Regions.Where(r => r.Id != region))
        {
            await Nodes[region].ExecuteAsync($"""
                SELECT pg_create_physical_replication_slot('{other.SqlName}')
                WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{other.SqlName}')
                """, cancel: cancel);
        }
    }

    private async Task WaitQuorumAsync(CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        try
        {
            while (await Nodes[Primary].QueryAsync<long>("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", cancel: deadline.Token) < 3)
            {
                await Task.Delay(100, deadline.Token);
            }
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new SandboxException($"The standbys do not stream from {Primary}; see the logs of the regions' PostgreSQL.", e);
        }
    }
}
