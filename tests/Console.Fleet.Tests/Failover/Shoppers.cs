using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace OpsConsole.Fleet.Tests.Failover;

/// <summary>Customers at the edge who remember which region took each of their orders: shares of traffic, counted from outside.</summary>
internal sealed class Shoppers : IAsyncDisposable
{
    private readonly HttpClient _client;
    private readonly CancellationTokenSource _over = new();
    private readonly List<(DateTimeOffset At, string Region)> _served = [];
    private readonly Task[] _loops;
    private readonly List<(DateTimeOffset At, string Why)> _failed = [];
    private int _inARow;

    /// <param name="perSecond">orders in a second at most, in two streams; at moments that nobody can foresee, because customers in step with
    /// the sandbox's own would always get the same turns of a proxy that goes round</param>
    public Shoppers(LiveFleet fleet, double perSecond = 40)
    {
        _client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{fleet.Ports.HttpFrontend}"), Timeout = TimeSpan.FromSeconds(20) };
        _loops = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() => RunAsync(TimeSpan.FromSeconds(2 / perSecond))))];
    }

    public int Count { get { lock (_served) return _served.Count; } }

    /// <summary>Orders that were not taken: when, and what was answered.</summary>
    public IReadOnlyList<string> FailedSince(DateTimeOffset since)
    {
        lock (_failed) return [.. _failed.Where(f => f.At >= since).Select(f => $"{f.At:HH:mm:ss.fff} {f.Why}")];
    }

    /// <summary>Until so many orders, one after another, were taken.</summary>
    public Task TakenInARowAsync(int orders) => Sandbox.Eventually.TrueAsync(() => Volatile.Read(ref _inARow) >= orders, $"{orders} orders taken in a row", TimeSpan.FromSeconds(60));

    /// <summary>Share of the orders between two moments that a region took, in percent.</summary>
    public double Share(string region, DateTimeOffset from, DateTimeOffset to)
    {
        lock (_served)
        {
            var all = _served.Where(s => s.At >= from && s.At <= to).ToList();
            Assert.True(all.Count >= 20, $"only {all.Count} orders between {from:HH:mm:ss.fff} and {to:HH:mm:ss.fff}");
            return 100.0 * all.Count(s => s.Region == region) / all.Count;
        }
    }

    /// <summary>Share of the next orders.</summary>
    public async Task<double> ShareAsync(string region, int orders = 60)
    {
        var (from, count) = (TimeProvider.System.GetUtcNow(), Count);
        await Sandbox.Eventually.TrueAsync(() => Count >= count + orders, "orders", TimeSpan.FromSeconds(30));
        return Share(region, from.AddMilliseconds(200), TimeProvider.System.GetUtcNow()); // the first may have been sent before
    }

    private async Task RunAsync(TimeSpan every)
    {
        while (!_over.IsCancellationRequested)
        {
            var start = Stopwatch.GetTimestamp();
            try
            {
                using var answer = await _client.PostAsJsonAsync("/orders", new { amount = 1 });
                if (answer.IsSuccessStatusCode)
                {
                    var region = (await answer.Content.ReadFromJsonAsync<JsonNode>())!["region"]!.GetValue<string>();
                    lock (_served) _served.Add((TimeProvider.System.GetUtcNow(), region));
                    Interlocked.Increment(ref _inARow);
                }
                else Fail($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
            }
            catch (HttpRequestException e)
            {
                Fail(e.Message);
            }
            var pause = (every * 2 * Random.Shared.NextDouble()) - Stopwatch.GetElapsedTime(start);
            if (pause > TimeSpan.Zero) await Task.WhenAny(Task.Delay(pause, _over.Token));
        }
    }

    private void Fail(string why)
    {
        Interlocked.Exchange(ref _inARow, 0);
        lock (_failed) _failed.Add((TimeProvider.System.GetUtcNow(), why));
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await Task.WhenAll(_loops);
        _client.Dispose();
        _over.Dispose();
    }
}
