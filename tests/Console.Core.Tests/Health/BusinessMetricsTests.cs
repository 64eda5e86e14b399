using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Business;

namespace OpsConsole.Core.Tests.Health;

public class BusinessMetricsTests
{
    private const string Text = """
        # HELP orders_total Orders.
        # TYPE orders_total counter
        orders_total{kind="new",note="a } b"} 10 1700000000000
        orders_total{kind="old"} 5
        orders_totals 99
        user_sessions 12
        broken NaN
        """;

    [Fact]
    public void Sums_LabelsAndStrangers_AreSummedAndLeftOut()
    {
        var sums = PrometheusText.Sums(Text, new HashSet<string> { "orders_total", "user_sessions", "broken", "absent" });
        Assert.Equal(new Dictionary<string, double> { ["orders_total"] = 15, ["user_sessions"] = 12 }, sums);
    }

    [Fact]
    public void Values_Counter_IsARateFromTheSecondReadingOnAndSurvivesARestart()
    {
        var time = new FakeTimeProvider();
        var reader = new BusinessMetricsObserver.Reader(new ServiceOptions { MetricsUrl = "http://127.0.0.1:1/metrics", BusinessMetrics = { ["Orders"] = "orders_total", ["Sessions"] = "user_sessions" } });
        Assert.Equal([("Sessions", 12)], reader.Values(Text, time));
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal([("Orders", 2.5), ("Sessions", 3)], reader.Values("orders_total 40\nuser_sessions 3\n", time));
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal([("Sessions", 1)], reader.Values("orders_total 2\nuser_sessions 1\n", time));
    }
}
