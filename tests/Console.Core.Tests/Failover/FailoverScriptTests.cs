using System.Diagnostics;
using OpsConsole.Core.Failover.Offline;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Core.Tests.Fleet;

namespace OpsConsole.Core.Tests.Failover;

public sealed class FailoverScriptTests
{
    private const string Shells = """
        Regions:0:Shell={"Kind":"ssh","Host":"10.0.0.1","Port":2222,"User":"ops","KeyFile":"/keys/ops","HostKeyFingerprint":"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU","Commands":{"postgres.kill":"pkill -KILL postgres","postgres.stop":"pg_ctl -D {data} stop","postgres.start":"pg_ctl -D {data} start","postgres.control":"pg_controldata {data}","postgres.demote":"cat >> {data}/x","postgres.rewind":"pg_rewind --source-server=host={host} -p {port}","postgres.basebackup":"pg_basebackup -h {host}"}}
        """;

    [Fact]
    public async Task Write_Failover_ParsesUsesTheDeclaredAddressesAndHoldsNoSecret()
    {
        var script = Script().Write("orders", "us-east-1", null, planned: false);
        await ParsesAsync(script);
        Assert.Contains("Failover of orders from us-east-1 to us-west-2", script, StringComparison.Ordinal); // the best priority that remains
        Assert.Contains("node_us_west_2() { psql -X -q -A -t -v ON_ERROR_STOP=1 \"host=127.0.0.1 port=5502 user=opsconsole dbname=orders", script, StringComparison.Ordinal);
        Assert.Contains("/dev/tcp/127.0.0.1/9999", script, StringComparison.Ordinal);
        Assert.Contains("set server orders_write/us-east-1 state maint; shutdown sessions server orders_write/us-east-1", script, StringComparison.Ordinal);
        Assert.Contains("ssh -i '/keys/ops' -p 2222", script, StringComparison.Ordinal);
        Assert.Contains("host_us_east_1 'pkill -KILL postgres'", script, StringComparison.Ordinal);
        // The way by which eu-west-1 reaches us-west-2, as its link declares it.
        Assert.Contains("node_eu_west_1 -c \"$(follow 127.0.0.1 5604 eu_west_1)\"", script, StringComparison.Ordinal);
        Assert.DoesNotContain("password-", script.Replace("cluster-password", "password-", StringComparison.Ordinal).Replace("pgbouncer-password", "password-", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("read -rsp", script, StringComparison.Ordinal);
        Before(script, "state maint; shutdown", "pkill -KILL", "primary_conninfo = ''", "stop 'eu-west-1 holds more", "synchronous_standby_names", "pg_promote(true", "orders_write/us-west-2 state ready");
    }

    [Fact]
    public async Task Write_Switchover_StopsInOrderAndComparesTheLogBeforeItPromotes()
    {
        var script = Script(_ => "$(cat '/run/secrets/x')").Write("orders", "us-east-1", "eu-west-1", planned: true);
        await ParsesAsync(script);
        Assert.Contains("PGPASSWORD=$(cat '/run/secrets/x')", script, StringComparison.Ordinal);
        Before(script, "ANY 1 (\"eu_west_1\")", "PAUSE orders", "pg_ctl -D", "pg_controldata", "pg_promote(true", "orders_write/eu-west-1 state ready", "RESUME orders' ||");
    }

    [Fact]
    public async Task Write_ServicesThatStandIn_AreStartedAndSizedAndTheCacheTakesOver()
    {
        var fleet = Fleet(Shells + """
            ;;Regions:1:Shell={"Kind":"local","Commands":{"api.start":"systemctl start {service}","api.status":"systemctl is-active {service}","api.scale":"scale {service} {percent}"}}
            ;;Services:3:Peers={"us-west-2-cache":"10.0.0.2:6380"}
            ;;Services:5={"Id":"us-west-2-cache","Region":"us-west-2","Kind":"cache","Probes":[{"Kind":"redis","Target":"127.0.0.1:6380","Password":"cache-password"}],"Peers":{"us-east-1-cache":"10.0.0.1:6379"}}
            ;;Services:6={"Id":"us-west-2-orders","Region":"us-west-2","Kind":"api","DependsOn":["us-west-2-cache"],"Probes":[{"Kind":"tcp","Target":"127.0.0.1:8002"}],"Commands":{"start":"api.start","status":"api.status","scale":"api.scale"}}
            """);

        var script = new FailoverScript(fleet, path => path == "Fleet:Services:5:Probes:0:Password" ? "$(cat '/run/secrets/cache')" : null).Write("orders", "us-east-1", "us-west-2", planned: false);

        await ParsesAsync(script);
        Before(script, "pg_promote(true", "orders_write/us-west-2 state ready", "the write endpoint does not lead to a primary", "systemctl is-active", "systemctl start", "scale 'us-west-2-orders' ".Replace("'", "'\\''", StringComparison.Ordinal),
            "REDISCLI_AUTH=$(cat '/run/secrets/cache') timeout 5 redis-cli -e -h '127.0.0.1' -p 6380 --no-auth-warning REPLICAOF NO ONE", "-p 6379 --no-auth-warning REPLICAOF '10.0.0.2' 6380");
        Assert.DoesNotContain("cache-password", script, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nope", "us-east-1", null, "--cluster nope")]
    [InlineData("orders", "mars", null, "--source mars")]
    [InlineData("orders", "us-east-1", "us-east-1", "--target us-east-1")]
    [InlineData("orders", "us-east-1", "mars", "--target mars")]
    public void Write_UnknownNames_SaysWhichAreDeclared(string cluster, string source, string? target, string words)
    {
        var refused = Assert.Throws<ArgumentException>(() => Script().Write(cluster, source, target, planned: false));
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_TargetOutsideTheZones_IsRefused()
    {
        var fleet = Fleet("Clusters:0:ComplianceZones=[\"US\"]");
        Assert.Contains("zones", Assert.Throws<ArgumentException>(() => new FailoverScript(fleet, _ => null).Write("orders", "us-east-1", "eu-west-1", false)).Message, StringComparison.Ordinal);
        Assert.Contains("to us-west-2", new FailoverScript(fleet, _ => null).Write("orders", "us-east-1", null, false), StringComparison.Ordinal);
    }

    private static FailoverScript Script(Func<string, string?>? secretOf = null) => new(Fleet(Shells), secretOf ?? (_ => null));

    private static FleetModel Fleet(string change)
    {
        var reading = FleetConfiguration.Read(BentFleet.Configuration(change));
        Assert.DoesNotContain(reading.Mistakes, m => !m.Path.Contains("KeyFile", StringComparison.Ordinal));
        return new FleetModel(reading.Options);
    }

    private static void Before(string script, params string[] parts)
    {
        var last = -1;
        foreach (var part in parts)
        {
            var at = script.IndexOf(part, last + 1, StringComparison.Ordinal);
            Assert.True(at > last, $"'{part}' does not come after what must be before it:\n{script}");
            last = at;
        }
    }

    private static async Task ParsesAsync(string script)
    {
        var start = new ProcessStartInfo("bash", ["-n"]) { RedirectStandardInput = true, RedirectStandardError = true };
        using var bash = Process.Start(start)!;
        await bash.StandardInput.WriteAsync(script);
        bash.StandardInput.Close();
        var said = await bash.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(bash.ExitCode == 0, $"{said}\n{script}");
    }
}
