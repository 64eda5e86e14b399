namespace OpsConsole.Sandbox.Layout;

/// <summary>A way from one site to a service in another: what listens at the source's side and where it leads.</summary>
public sealed record SiteLink(string From, string To, string Service, int Port, int TargetPort)
{
    /// <summary>Name of its proxy.</summary>
    public string Name => $"{From}.{To}.{Service}";
}

/// <summary>Which port everything has, counted from one base. At most <see cref="Size"/> ports are used.</summary>
public sealed class PortPlan
{
    public const int Size = 200;
    public const int MaxConsoles = 10;
    public const int Instances = 3;
    private const int FirstRegion = 20;
    private const int PerRegion = 10;
    private const int FirstLink = 60;

    private readonly Dictionary<(string From, string To, string Service), SiteLink> _links = [];
    private int _next;

    public PortPlan(int basePort)
    {
        if (basePort is < 1024 or > 65_535 - Size)
        {
            throw new SandboxException($"--port-base {basePort} is not between 1024 and {65_535 - Size}.");
        }

        Base = basePort;
        _next = basePort + FirstLink;
        var regions = Sites.Regions.Select(r => r.Id).ToArray();
        foreach (var region in regions)
        {
            Add(Sites.Console, region, Services.Postgres, Postgres(region));
            Add(Sites.Console, region, Services.Redis, Redis(region));
            Add(Sites.Console, region, Services.Api, Api(region));
            Add(Sites.Console, region, Services.Ssh, Ssh(region));
            Add(Sites.Console, region, Services.Storage, Storage(region));
            for (var place = 0; place < Instances; place++)
            {
                Add(Sites.Console, region, $"{Services.Instance}-{place + 1}", Instance(region, place));
            }
            Add(Sites.Edge, region, Services.Postgres, Postgres(region));
            Add(Sites.Edge, region, Services.Api, Api(region));
            Add(region, Sites.Edge, Services.PgBouncer, PgBouncer);
            foreach (var other in regions.Where(r => r != region))
            {
                Add(region, other, Services.Postgres, Postgres(other));
                Add(region, other, Services.Redis, Redis(other));
                Add(region, other, Services.Storage, Storage(other));
                Add(region, other, Services.SecureStorage, SecureStorage(other));
                Add(region, other, Services.Ssh, Ssh(other));
            }
        }
        Add(Sites.Console, Sites.Edge, Services.Http, HttpFrontend);
        Add(Sites.Console, Sites.Edge, Services.Runtime, HaProxyRuntime);
        Add(Sites.Console, Sites.Edge, Services.PgBouncer, PgBouncer);
    }

    public int Base { get; }
    public int NetworkApi => Base + 10;
    public int ConsoleDatabase => Base + 11;
    public int HttpFrontend => Base + 12;
    public int WriteFrontend => Base + 13;
    public int HaProxyRuntime => Base + 14;
    public int PgBouncer => Base + 15;

    public int Console(int number) => Base + number;
    public int Postgres(string region) => Of(region, 0);
    public int Redis(string region) => Of(region, 1);
    public int Api(string region) => Of(region, 2);
    public int Ssh(string region) => Of(region, 3);
    public int Storage(string region) => Of(region, 4);
    /// <summary>The same store over TLS.</summary>
    public int SecureStorage(string region) => Of(region, 5);
    /// <summary>Where a restored instance of the database may run; <paramref name="place"/> from 0 to <see cref="Instances"/> - 1.</summary>
    public int Instance(string region, int place) => Of(region, 6 + place);

    public IReadOnlyCollection<SiteLink> Links => _links.Values;

    /// <summary>The port at which <paramref name="from"/> reaches a service of another site.</summary>
    public int Via(string from, string to, string service) => _links[(from, to, service)].Port;

    /// <summary><c>host:port</c> of <see cref="Via"/>.</summary>
    public string AddressVia(string from, string to, string service) => $"127.0.0.1:{Via(from, to, service)}";

    /// <summary>Every port that something will listen on.</summary>
    public IEnumerable<int> Used(int consoles) =>
        Enumerable.Range(Base, consoles)
            .Concat([NetworkApi, ConsoleDatabase, HttpFrontend, WriteFrontend, HaProxyRuntime, PgBouncer])
            .Concat(Sites.Regions.SelectMany(r => new[] { Postgres(r.Id), Redis(r.Id), Api(r.Id), Ssh(r.Id), Storage(r.Id), SecureStorage(r.Id) }))
            .Concat(Sites.Regions.SelectMany(r => Enumerable.Range(0, Instances).Select(i => Instance(r.Id, i))))
            .Concat(_links.Values.Select(l => l.Port));

    private int Of(string region, int service)
    {
        var index = Sites.Regions.TakeWhile(r => r.Id != region).Count();
        return Base + FirstRegion + (index * PerRegion) + service;
    }

    private void Add(string from, string to, string service, int target)
    {
        var link = new SiteLink(from, to, service, _next++, target);
        _links.Add((from, to, service), link);
    }
}

/// <summary>Services that are reached across sites; the last part of a proxy's name.</summary>
public static class Services
{
    public const string Postgres = "postgres";
    public const string Redis = "redis";
    public const string Api = "api";
    public const string Ssh = "ssh";
    public const string Storage = "storage";
    public const string SecureStorage = "storage-tls";
    public const string Instance = "instance";
    public const string Http = "http";
    public const string Runtime = "runtime";
    public const string PgBouncer = "pgbouncer";
}
