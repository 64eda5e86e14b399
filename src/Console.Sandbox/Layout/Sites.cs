namespace OpsConsole.Sandbox.Layout;

/// <summary>A region of the embedded fleet, as it is declared to the console.</summary>
public sealed record RegionSite(
    string Id, string Name, string Role, int Priority, double CapacityRps, int TrafficWeight, string[] Zones, double Latitude, double Longitude)
{
    /// <summary>The region's name where PostgreSQL wants an identifier: application_name and slot.</summary>
    public string SqlName => Id.Replace('-', '_');
}

/// <summary>The six sites of the sandbox and how far they are from each other.</summary>
public static class Sites
{
    public const string Console = "console";
    public const string Edge = "edge";

    public static readonly IReadOnlyList<RegionSite> Regions =
    [
        new("us-east-1", "US East (N. Virginia)", "primary", 1, 400, 100, ["US"], 38.95, -77.45),
        new("us-west-2", "US West (Oregon)", "secondary", 2, 300, 75, ["US"], 45.84, -119.29),
        new("eu-west-1", "Europe (Ireland)", "tertiary", 3, 300, 75, ["EU", "GDPR"], 53.35, -6.26),
        new("ap-southeast-1", "Asia Pacific (Singapore)", "quaternary", 4, 200, 50, ["APAC"], 1.35, 103.82),
    ];

    public static readonly IReadOnlyList<string> All = [Console, Edge, .. Regions.Select(r => r.Id)];

    // Half of the usual round trip between these AWS regions. The console's site and the edge stand near us-east-1.
    private static readonly Dictionary<(string, string), double> OneWayMilliseconds = new()
    {
        [("us-east-1", "us-west-2")] = 31,
        [("us-east-1", "eu-west-1")] = 34,
        [("us-east-1", "ap-southeast-1")] = 108,
        [("us-west-2", "eu-west-1")] = 63,
        [("us-west-2", "ap-southeast-1")] = 83,
        [("eu-west-1", "ap-southeast-1")] = 88,
        [(Console, Edge)] = 2,
        [(Console, "us-east-1")] = 3,
        [(Console, "us-west-2")] = 33,
        [(Console, "eu-west-1")] = 36,
        [(Console, "ap-southeast-1")] = 110,
        [(Edge, "us-east-1")] = 2,
        [(Edge, "us-west-2")] = 32,
        [(Edge, "eu-west-1")] = 35,
        [(Edge, "ap-southeast-1")] = 109,
    };

    public static RegionSite Region(string id) => Regions.First(r => r.Id == id);

    /// <summary>Time that a byte takes from one site to another.</summary>
    public static TimeSpan OneWay(string from, string to) =>
        TimeSpan.FromMilliseconds(OneWayMilliseconds.TryGetValue((from, to), out var there) ? there : OneWayMilliseconds.GetValueOrDefault((to, from)));
}
