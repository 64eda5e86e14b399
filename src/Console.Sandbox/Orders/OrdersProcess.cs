using Npgsql;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Postgres;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Orders;

/// <summary>A region's orders API as a process: this program again, with another verb.</summary>
public sealed class OrdersProcess(Supervisor supervisor, SandboxPaths paths, PortPlan ports, SecretStore secrets, string program, string region)
{
    private string SettingsFile => Path.Combine(paths.Site(region), "orders.json");

    public string Command => $"dotnet {program} orders-api {SettingsFile}";

    public void Start()
    {
        var password = secrets.Get("postgres-orders");
        var settings = new OrdersSettings(
            region,
            ports.Api(region),
            Connection(ports.Via(region, Sites.Edge, Services.PgBouncer), password) + ";No Reset On Close=true",
            Connection(ports.Postgres(region), password),
            $"127.0.0.1:{ports.Redis(region)},password={secrets.Get("redis")},abortConnect=false,connectTimeout=1000,asyncTimeout=1000,connectRetry=1");
        supervisor.User.Write(SettingsFile, settings.ToJson());
        supervisor.Start(new ChildSpec(
            $"{region}-orders", ["dotnet", program, "orders-api", SettingsFile], paths.Site(region),
            Environment: new Dictionary<string, string> { ["DOTNET_gcServer"] = "0", ["DOTNET_TieredPGO"] = "0", ["ASPNETCORE_ENVIRONMENT"] = "Production" }));
    }

    /// <summary>Where the unprivileged user finds this program: where it is, or if it cannot read that place a copy among the sites.</summary>
    public static async Task<string> ProgramAsync(SandboxPaths paths, RunUser user)
    {
        const string Name = "OpsConsole.Sandbox.dll";
        var here = AppContext.BaseDirectory;
        if (await user.CanEnterAsync(here))
        {
            return Path.Combine(here, Name);
        }

        var copy = Path.Combine(paths.SitesRoot, "app");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.EnumerateFiles(here))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)), overwrite: true);
        }
        return Path.Combine(copy, Name);
    }

    private static string Connection(int port, string password) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = port,
        Username = OrdersCluster.Application,
        Password = password,
        Database = OrdersCluster.Database,
        Timeout = 5,
        CommandTimeout = 5,
        MaxPoolSize = 20,
    }.ConnectionString;
}
