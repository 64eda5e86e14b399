using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;

namespace OpsConsole.Core.Tests.Fleet;

public sealed class FleetConfigurationTests
{
    [Fact]
    public void Read_ValidFleet_NoMistakes() => Assert.Empty(BentFleet.Mistakes(""));

    [Fact]
    public void Read_ValidFleet_KeepsEverySetting()
    {
        var fleet = FleetConfiguration.Read(BentFleet.Configuration()).Options;

        Assert.Equal(FleetEnvironment.Development, fleet.Environment);
        Assert.Equal(["us-east-1", "us-west-2", "eu-west-1"], fleet.Regions.Select(r => r.Id));
        Assert.Equal(38.9, fleet.Regions[0].Latitude);
        Assert.Equal(["EU", "GDPR"], fleet.Regions[2].ComplianceZones);
        Assert.Equal("cluster-password", fleet.Clusters[0].Password);
        Assert.Equal("orders_total", fleet.Services[4].BusinessMetrics["Orders"]);
        Assert.Equal(6, fleet.Links.Count);
    }

    [Fact]
    public void Read_NoFleet_PointsToTheGuide()
    {
        var mistake = Assert.Single(FleetConfiguration.Read(new ConfigurationBuilder().Build()).Mistakes);

        Assert.Equal("Fleet", mistake.Path);
        Assert.Contains("OPSCONSOLE_CONFIG", mistake.Remedy);
    }

    [Fact]
    public void Guide_Example_IsValidButForItsSecretFiles()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "OpsConsole.sln")))
            directory = directory.Parent;
        var guide = File.ReadAllText(Path.Combine(directory.FullName, FleetConfiguration.Guide));
        var json = guide[(guide.IndexOf("```json", StringComparison.Ordinal) + 7)..];
        json = json[..json.IndexOf("```", StringComparison.Ordinal)];

        var mistakes = FleetConfiguration.Read(BentFleet.Load(System.Text.Json.Nodes.JsonNode.Parse(json)!)).Mistakes;

        Assert.NotEmpty(mistakes);
        Assert.All(mistakes, m => Assert.EndsWith("_FILE", m.Path));
    }

    [Fact]
    public void Read_ManyMistakes_ReportsAllAtOnce()
    {
        var mistakes = BentFleet.Mistakes("Regions:0:Role=\"secondary\";;Regions:1:Priority=0;;Clusters:0:SynchronousStandbys=9;;Links:0:Source=\"mars\";;Contacts:0:Email=\"nobody\";;Services:0:Kind=\"databse\"");

        Assert.Superset(
            new HashSet<string> { "Fleet:Regions", "Fleet:Regions:1:Priority", "Fleet:Clusters:0:SynchronousStandbys", "Fleet:Links:0:Source", "Fleet:Contacts:0:Email", "Fleet:Services:0:Kind" },
            mistakes.Select(m => m.Path).ToHashSet());
    }

    // change | path of the mistake | words in the problem or the remedy
    [Theory]
    [InlineData("Regoins=[1]", "Regoins", "Did you mean \"Regions\"")]
    [InlineData("-Name", "Name", "is missing")]
    [InlineData("Environment=\"prod\"", "Environment", "development, staging, production")]
    [InlineData("Environment=\"0\"", "Environment", "is not one of")]
    [InlineData("-Environment", "Environment", "is missing")]
    [InlineData("ProbeIntervalSeconds=0.1", "ProbeIntervalSeconds", "0.25")]
    [InlineData("ProbeIntervalSeconds=\"often\"", "ProbeIntervalSeconds", "is not a number")]
    [InlineData("ProbeIntervalSeconds=\"NaN\"", "ProbeIntervalSeconds", "is not a number")]
    [InlineData("ProbeIntervalSeconds={\"a\":1}", "ProbeIntervalSeconds", "is a group of settings")]
    [InlineData("Regions=\"us-east-1\"", "Regions", "a list is needed")]
    [InlineData("Regions:0:Id=\"US East\"", "Regions:0:Id", "is not an id")]
    [InlineData("Regions:1:Id=\"us-east-1\"", "Regions:1:Id", "already used by Fleet:Regions:0")]
    [InlineData("-Regions:0:Role", "Regions:0:Role", "is missing")]
    [InlineData("Regions:0:Role=\"primery\"", "Regions:0:Role", "Did you mean \"primary\"")]
    [InlineData("Regions:0:Role=\"secondary\"", "Regions", "no region has the role primary")]
    [InlineData("Regions:1:Role=\"primary\"", "Regions:1:Role", "a second region has the role primary; the first is us-east-1")]
    [InlineData("Services:4:Commands={\"begin\":\"api.start\"}", "Services:4:Commands:begin", "start, status, stop, scale")]
    [InlineData("Services:4:Commands={\"start\":\"api.start\"}", "Services:4:Commands:start", "api.start")]
    [InlineData("Services:3:Peers={\"mars-cache\":\"127.0.0.1:1\"}", "Services:3:Peers:mars-cache", "cache")]
    [InlineData("Services:3:Peers={\"us-east-1-db\":\"nowhere\"}", "Services:3:Peers:us-east-1-db", "cache")]
    [InlineData("Regions:1:Priority=1", "Regions:1:Priority", "the priority \"1\" is already used")]
    [InlineData("Regions:1:Priority=0", "Regions:1:Priority", "from 1 to 1000")]
    [InlineData("Regions:1:Priority=1.5", "Regions:1:Priority", "is not a whole number")]
    [InlineData("Regions:0:CapacityRps=-5", "Regions:0:CapacityRps", "-5 is out of range")]
    [InlineData("Regions:0:Latitude=91", "Regions:0:Latitude", "from -90 to 90")]
    [InlineData("Regions:0:Longitude=-181", "Regions:0:Longitude", "from -180 to 180")]
    [InlineData("-Regions:0:Longitude", "Regions:0:Longitude", "other half")]
    [InlineData("Regions:0:LatencyEndpoint=\"ftp://x\"", "Regions:0:LatencyEndpoint", "http:// or https:// or tcp://")]
    [InlineData("Regions:0:ComplianceZones:1=\"us\"", "Regions:0:ComplianceZones:1", "listed twice")]
    [InlineData("Regions:0:Shell={\"Kind\":\"ssh\"}", "Regions:0:Shell:HostKeyFingerprint", "an ssh shell needs it")]
    [InlineData("Regions:0:Shell={\"Kind\":\"ssh\"}", "Regions:0:Shell:User", "an ssh shell needs it")]
    [InlineData("Regions:0:Shell={\"Kind\":\"local\",\"HostKeyFingerprint\":\"MD5:aa\"}", "Regions:0:Shell:HostKeyFingerprint", "SHA256:")]
    [InlineData("Regions:0:Shell={\"Kind\":\"local\",\"KeyFile\":\"/does/not/exist\"}", "Regions:0:Shell:KeyFile", "cannot be read")]
    [InlineData("Regions:0:Shell={\"Kind\":\"local\",\"Port\":70000}", "Regions:0:Shell:Port", "from 1 to 65535")]
    [InlineData("Regions:0:Shell={\"Kind\":\"local\",\"Commands\":{\"postgres.stop\":\" \"}}", "Regions:0:Shell:Commands:postgres.stop", "is empty")]
    [InlineData("Services:0:Id=\"us-west-2-db\"", "Services:1:Id", "already used")]
    [InlineData("Services:0:Region=\"us-east-2\"", "Services:0:Region", "Did you mean \"us-east-1\"")]
    [InlineData("Services:4:DependsOn:0=\"us-east-1-bd\"", "Services:4:DependsOn:0", "Did you mean \"us-east-1-db\"")]
    [InlineData("Services:4:DependsOn:0=\"us-east-1-orders\"", "Services:4:DependsOn:0", "depends on itself")]
    [InlineData("Services:4:DependsOn:1=\"us-east-1-db\"", "Services:4:DependsOn:1", "listed twice")]
    [InlineData("Services:0:DependsOn=[\"us-east-1-orders\"]", "Services:0:DependsOn", "us-east-1-db → us-east-1-orders → us-east-1-db")]
    [InlineData("Services:4:Nodes:1:Address=\"127.0.0.1:8001\"", "Services:4:Nodes:1:Address", "already used by Fleet:Services:4:Nodes:0")]
    [InlineData("Services:4:Nodes:1:Address=\"127.0.0.1\"", "Services:4:Nodes:1:Address", "is not host:port")]
    [InlineData("Services:4:Nodes:1:Address=\"127.0.0.1:99999\"", "Services:4:Nodes:1:Address", "is not host:port")]
    [InlineData("Services:4:Nodes:1:Id=\"a\"", "Services:4:Nodes:1:Id", "already used")]
    [InlineData("Services:4:Nodes:0:Weight=257", "Services:4:Nodes:0:Weight", "from 0 to 256")]
    [InlineData("Services:4:Nodes:0:Weight=0;;Services:4:Nodes:1:Weight=0", "Services:4:Nodes", "every node has weight 0")]
    [InlineData("Services:0:Probes=[]", "Services:0:Probes", "no probe")]
    [InlineData("-Services:4:MetricsUrl", "Services:4:BusinessMetrics", "not where to read them")]
    [InlineData("Services:4:MetricsUrl=\"/metrics\"", "Services:4:MetricsUrl", "absolute URL")]
    [InlineData("Services:4:Labels=\"x\"", "Services:4:Labels", "names with values")]
    [InlineData("Services:4:Probes:0:Node=\"c\"", "Services:4:Probes:0:Node", "there is no node of this service \"c\"")]
    [InlineData("Services:4:Probes:0:IntervalSeconds=0.2", "Services:4:Probes:0:IntervalSeconds", "from 0.25")]
    [InlineData("Services:4:Probes:0:TimeoutSeconds=2", "Services:4:Probes:0:TimeoutSeconds", "longer than the interval")]
    [InlineData("Services:4:Probes:0:TimeoutSeconds=0.01", "Services:4:Probes:0:TimeoutSeconds", "from 0.05 to 300")]
    [InlineData("Services:4:Probes:0:FailureThreshold=0", "Services:4:Probes:0:FailureThreshold", "from 1 to 100")]
    [InlineData("Services:4:Probes:0:SuccessThreshold=101", "Services:4:Probes:0:SuccessThreshold", "from 1 to 100")]
    [InlineData("Services:4:Probes:0:ExpectStatus=\"2xx\"", "Services:4:Probes:0:ExpectStatus", "set of HTTP status codes")]
    [InlineData("Services:4:Probes:0:ExpectStatus=\"399-200\"", "Services:4:Probes:0:ExpectStatus", "set of HTTP status codes")]
    [InlineData("Services:4:Probes:0:ExpectBody=\"(ok\"", "Services:4:Probes:0:ExpectBody", "regular expression")]
    [InlineData("Services:4:Probes:0:Target=\"127.0.0.1:8001\"", "Services:4:Probes:0:Target", "absolute http")]
    [InlineData("-Services:4:Probes:0:Target", "Services:4:Probes:0:Target", "is missing")]
    [InlineData("Services:3:Probes:0:Target=\"redis://x\"", "Services:3:Probes:0:Target", "host:port")]
    [InlineData("-Services:4:Probes:0:Kind", "Services:4:Probes:0:Kind", "is missing")]
    [InlineData("Services:4:Probes:0:Kind=\"journey\"", "Services:4:Probes:0:Steps", "at least one step")]
    [InlineData("Services:4:Probes:0:Steps=[{\"Name\":\"a\",\"Url\":\"http://x/\"}]", "Services:4:Probes:0:Steps", "only a journey")]
    [InlineData("Services:4:Probes:0={\"Kind\":\"journey\",\"Steps\":[{\"Name\":\"a\",\"Url\":\"http://x/\",\"Method\":\"FETCH\"}]}", "Services:4:Probes:0:Steps:0:Method", "is not an HTTP method")]
    [InlineData("Services:3:Probes:0:Kind=\"queue\"", "Services:3:Probes:0:Resource", "name of its queue")]
    [InlineData("-Services:0:Probes:0:Username", "Services:0:Probes:0:Username", "a role to sign in as")]
    [InlineData("Services:0:Probes:0:Password_FILE=\"/does/not/exist\"", "Services:0:Probes:0:Password_FILE", "cannot be read")]
    [InlineData("Clusters:0:Password_FILE=\"/etc/hostname\"", "Clusters:0:Password", "is given twice")]
    [InlineData("Clusters:0:Pasword=\"x\"", "Clusters:0:Pasword", "Did you mean \"Password\"")]
    [InlineData("Clusters:0:Driver=\"rds\"", "Clusters:0:Driver", "not part of this version")]
    [InlineData("Clusters:0:Driver=\"mysql\"", "Clusters:0:Driver", "postgres, patroni, rds")]
    [InlineData("Clusters:0:Nodes=[]", "Clusters:0:Nodes", "has no node")]
    [InlineData("Clusters:0:PrimaryRegion=\"us-west-1\"", "Clusters:0:PrimaryRegion", "there is no region")]
    [InlineData("Regions:3={\"Id\":\"ap\",\"Name\":\"A\",\"Role\":\"quaternary\",\"Priority\":9};;Clusters:0:PrimaryRegion=\"ap\"", "Clusters:0:PrimaryRegion", "has no node in ap")]
    [InlineData("Clusters:0:SynchronousStandbys=3", "Clusters:0:SynchronousStandbys", "no write would ever return")]
    [InlineData("Clusters:0:SynchronousStandbys=2", "Clusters:0:SynchronousStandbys", "the loss of any one would stop all writes")]
    [InlineData("Clusters:0:SynchronousStandbys=-1", "Clusters:0:SynchronousStandbys", "from 0")]
    [InlineData("-Clusters:0:WriteEndpoint", "Clusters:0:WriteEndpoint", "heartbeats are written through it")]
    [InlineData("Clusters:0:WriteEndpoint=\"127.0.0.1:5501\"", "Clusters:0:WriteEndpoint", "address of a single node")]
    [InlineData("Clusters:0:Heartbeat={\"IntervalSeconds\":0.05}", "Clusters:0:Heartbeat:IntervalSeconds", "from 0.1 to 60")]
    [InlineData("Clusters:0:Heartbeat={\"Enabled\":\"perhaps\"}", "Clusters:0:Heartbeat:Enabled", "true or false")]
    [InlineData("Clusters:0:RpoSeconds=0.5", "Clusters:0:RpoSeconds", "shorter than the interval of the heartbeats")]
    [InlineData("Clusters:0:RtoSeconds=0", "Clusters:0:RtoSeconds", "out of range")]
    [InlineData("Clusters:0:Nodes:0:Service=\"us-east-1-orders\"", "Clusters:0:Nodes:0:Service", "not a database")]
    [InlineData("Clusters:0:Nodes:0:Service=\"nothing-like-it\"", "Clusters:0:Nodes:0:Service", "there is no service")]
    [InlineData("Clusters:0:Nodes:0:Region=\"eu-west-1\"", "Clusters:0:Nodes:2:Region", "already used")]
    [InlineData("Clusters:0:Nodes:1:Address=\"127.0.0.1:5501\"", "Clusters:0:Nodes:1:Address", "already used by Fleet:Clusters:0:Nodes:0")]
    [InlineData("Clusters:0:Nodes:1:ApplicationName=\"us_east_1\"", "Clusters:0:Nodes:1:ApplicationName", "already used")]
    [InlineData("Clusters:0:Nodes:1:ApplicationName=\"US West\"", "Clusters:0:Nodes:1:ApplicationName", "cannot be the name of a standby")]
    [InlineData("Clusters:0:ComplianceZones=[\"APAC\"]", "Clusters:0:ComplianceZones", "lies in none of these zones")]
    [InlineData("Links:0:Source=\"mars\"", "Links:0:Source", "there is no region \"mars\"")]
    [InlineData("Links:0:Cluster=\"order\"", "Links:0:Cluster", "Did you mean \"orders\"")]
    [InlineData("Links:0:Target=\"us-east-1\"", "Links:0:Target", "to itself")]
    [InlineData("Links:1:Target=\"us-west-2\"", "Links:1:Target", "already used")]
    [InlineData("-Links:0", "Links", "from us-east-1 to us-west-2 is missing")]
    [InlineData("TrafficManagers:0:Servers:us-east-1=\"mars\"", "TrafficManagers:0:Servers:us-east-1", "there is no region")]
    [InlineData("TrafficManagers:0:Servers={}", "TrafficManagers:0:Servers", "mapped to a region")]
    [InlineData("-TrafficManagers:0:HttpBackend;;-TrafficManagers:0:WriteBackend", "TrafficManagers:0:HttpBackend", "needs a backend")]
    [InlineData("TrafficManagers:0:Kind=\"route53\"", "TrafficManagers:0:Kind", "not part of this version")]
    [InlineData("TrafficManagers:1:Address=\"127.0.0.1:9999\"", "TrafficManagers:1:Address", "already used")]
    [InlineData("TrafficManagers:1:Databases:orders=\"sales\"", "TrafficManagers:1:Databases:orders", "there is no cluster")]
    [InlineData("-TrafficManagers:1:Username", "TrafficManagers:1:Username", "admin console needs a user")]
    [InlineData("BackupRepositories:0:Kind=\"file\"", "BackupRepositories:0:Endpoint", "absolute path")]
    [InlineData("-BackupRepositories:0:Bucket", "BackupRepositories:0:Bucket", "is missing")]
    [InlineData("-BackupRepositories:0:SecretKey", "BackupRepositories:0:SecretKey", "other half of the key")]
    [InlineData("BackupRepositories:0:Region=\"moon\"", "BackupRepositories:0:Region", "there is no region")]
    [InlineData("Contacts:0:Email=\"on call\"", "Contacts:0:Email", "is not an e-mail address")]
    [InlineData("Contacts:0:Phone=\"call me\"", "Contacts:0:Phone", "is not a telephone number")]
    [InlineData("-Contacts:0:Email;;-Contacts:0:Phone", "Contacts:0:Phone", "neither telephone nor e-mail")]
    [InlineData("Contacts:0:Role=\"boss\"", "Contacts:0:Role", "hotline, onCall")]
    [InlineData("Environment=\"production\";;Contacts=[]", "Contacts", "somebody to call")]
    [InlineData("Environment=\"production\";;Clusters:0:Password=\"short\"", "Clusters:0:Password", "shorter than 12")]
    [InlineData("Environment=\"production\";;-Clusters:0:Password", "Clusters:0:Password", "roles without a password")]
    [InlineData("Environment=\"production\"", "BackupRepositories:0:Endpoint", "without TLS")]
    [InlineData("Environment=\"production\";;-Regions:0:ComplianceZones", "Regions:0:ComplianceZones", "legally")]
    public void Read_OneMistake_IsReportedWithPathAndRemedy(string change, string path, string words)
    {
        var mistakes = BentFleet.Mistakes(change);

        var mistake = Assert.Single(mistakes, m => m.Path == "Fleet:" + path && (m.Problem + " " + m.Remedy).Contains(words, StringComparison.Ordinal));
        Assert.NotEmpty(mistake.Remedy);
    }

    [Theory]
    [InlineData("Environment=\"production\";;Clusters:0:Password=\"hunter2\"", "hunter2")]
    [InlineData("Clusters:0:Password={\"Value\":\"hunter2\"}", "hunter2")]
    [InlineData("BackupRepositories:0:SecretKey=\"hunter2\";;-BackupRepositories:0:AccessKey", "hunter2")]
    public void Read_MistakeOnASecret_DoesNotPrintIt(string change, string secret)
    {
        var mistakes = BentFleet.Mistakes(change);

        Assert.NotEmpty(mistakes);
        Assert.DoesNotContain(secret, ConfigurationMistakesException.Describe(mistakes), StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_SeveralMistakes_NumbersThemWithPathProblemAndRemedy()
    {
        var text = ConfigurationMistakesException.Describe([new("Fleet:A", "is wrong", "Do this."), new("Fleet:B", "is missing", "Do that.")]);

        Assert.Contains("2 mistakes", text);
        Assert.Contains("1. Fleet:A", text);
        Assert.Contains("2. Fleet:B", text);
        Assert.Contains("To mend it: Do that.", text);
    }
}
