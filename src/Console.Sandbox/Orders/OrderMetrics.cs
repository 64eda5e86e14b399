using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace OpsConsole.Sandbox.Orders;

/// <summary>What the application says of itself, as Prometheus text.</summary>
public sealed class OrderMetrics(TimeProvider time)
{
    private static readonly TimeSpan SessionLength = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<int, long> _requests = [];
    private readonly ConcurrentDictionary<string, long> _sessions = [];
    private long _orders;
    private long _nanoseconds;

    /// <summary>The customer's address as the edge gives it.</summary>
    public static string Customer(HttpContext http) => http.Request.Headers["X-Forwarded-For"].FirstOrDefault() ?? "unknown";

    public void OrderTaken() => Interlocked.Increment(ref _orders);

    public async Task CountAsync(HttpContext http, RequestDelegate next)
    {
        var started = time.GetTimestamp();
        try
        {
            await next(http);
        }
        catch (Exception e) when (e is Npgsql.NpgsqlException or FaultException or TimeoutException && !http.Response.HasStarted)
        {
            http.Response.StatusCode = e is FaultException ? 500 : 503;
        }

        if (http.Request.Path.StartsWithSegments("/orders"))
        {
            _requests.AddOrUpdate(http.Response.StatusCode, 1, (_, n) => n + 1);
            Interlocked.Add(ref _nanoseconds, (long)time.GetElapsedTime(started).TotalNanoseconds);
            _sessions[Customer(http)] = time.GetTimestamp();
        }
    }

    public string Render()
    {
        foreach (var (customer, seen) in _sessions)
        {
            if (time.GetElapsedTime(seen) > SessionLength)
            {
                _sessions.TryRemove(customer, out _);
            }
        }

        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# TYPE orders_total counter\norders_total {Interlocked.Read(ref _orders)}\n");
        text.Append(CultureInfo.InvariantCulture, $"# TYPE user_sessions gauge\nuser_sessions {_sessions.Count}\n");
        text.Append("# TYPE http_requests_total counter\n");
        foreach (var (code, count) in _requests.OrderBy(r => r.Key))
        {
            text.Append(CultureInfo.InvariantCulture, $"http_requests_total{{code=\"{code}\"}} {count}\n");
        }
        text.Append(CultureInfo.InvariantCulture, $"# TYPE http_request_seconds summary\nhttp_request_seconds_sum {Interlocked.Read(ref _nanoseconds) / 1e9}\nhttp_request_seconds_count {_requests.Values.Sum()}\n");
        return text.ToString();
    }
}
