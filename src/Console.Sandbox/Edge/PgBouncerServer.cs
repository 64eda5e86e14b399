using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Postgres;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Edge;

/// <summary>The pooler in front of the write endpoint: what clients connect to. Transaction pooling, so that a PAUSE need not wait
/// for clients to leave; no pause after a failed log-in, so that a new primary is found at once.</summary>
public sealed class PgBouncerServer(Supervisor supervisor, SandboxPaths paths, PortPlan ports, SecretStore secrets)
{
    /// <summary>Who may PAUSE and RESUME.</summary>
    public const string Administrator = "pgbouncer";

    public void Start()
    {
        var directory = paths.Site(Sites.Edge);
        var users = Path.Combine(directory, "userlist.txt");
        var configuration = Path.Combine(directory, "pgbouncer.ini");
        supervisor.User.Write(users, $"""
            "{OrdersCluster.Application}" "{secrets.Get("postgres-orders")}"
            "{OrdersCluster.Operator}" "{secrets.Get("postgres-operator")}"
            "{Administrator}" "{secrets.Get("pgbouncer")}"
            """ + "\n");
        supervisor.User.Write(configuration, $"""
            [databases]
            {OrdersCluster.Database} = host=127.0.0.1 port={ports.WriteFrontend} dbname={OrdersCluster.Database}

            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {ports.PgBouncer}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {users}
            admin_users = {Administrator}
            pool_mode = transaction
            default_pool_size = 30
            max_client_conn = 500
            server_login_retry = 0
            server_connect_timeout = 3
            query_wait_timeout = 30
            server_fast_close = 1
            ignore_startup_parameters = extra_float_digits,options
            log_connections = 0
            log_disconnections = 0
            pidfile = {Path.Combine(directory, "pgbouncer.pid")}
            """ + "\n");
        supervisor.Start(new ChildSpec("edge-pgbouncer", ["pgbouncer", configuration], directory, StopSignal: Signal.Interrupt));
    }
}
