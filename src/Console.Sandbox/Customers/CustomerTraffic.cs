using System.Net;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Sandbox.Customers;

/// <summary>People all over the world who read and place orders at the edge, at a steady rate.</summary>
public sealed class CustomerTraffic(PortPlan ports, double perSecond, TimeProvider time)
{
    private const double WriteShare = 0.15;
    private const int MostAtOnce = 200;
    private static readonly TimeSpan OpeningLimit = TimeSpan.FromMinutes(1);

    // One address block for each of these countries (as the usual GeoIP databases place them).
    private static readonly string[] Blocks =
    [
        "23.20.0", "50.16.12", "72.21.200", "24.48.0", "187.174.12", "200.160.2", "181.30.10", "81.2.69", "212.58.244",
        "80.237.128", "91.198.174", "193.51.208", "194.69.254", "151.38.39", "217.70.184", "83.145.220", "194.132.32",
        "197.189.200", "105.112.10", "196.25.1", "202.12.29", "103.6.148", "202.65.240", "210.140.10", "211.43.212",
        "103.21.124", "49.205.10", "1.128.0", "203.97.10", "175.45.20",
    ];

    private long _answered;
    private long _failed;

    public long Answered => Interlocked.Read(ref _answered);
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Waits until the edge answers, that is until at least one region passes its health check.</summary>
    /// <exception cref="SandboxException">It did not within a minute.</exception>
    public async Task WaitOpenAsync(CancellationToken cancel)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        var started = time.GetTimestamp();
        while (time.GetElapsedTime(started) < OpeningLimit)
        {
            try
            {
                using var answer = await client.GetAsync($"http://127.0.0.1:{ports.HttpFrontend}/orders", cancel);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancel.IsCancellationRequested)
            {
                // not yet: asked again below
            }
            await Task.Delay(100, cancel);
        }
        throw new SandboxException("No region serves orders at the edge; see the logs of the orders APIs and edge-haproxy.log.");
    }

    public async Task RunAsync(CancellationToken cancel)
    {
        if (perSecond <= 0)
        {
            return;
        }

        using var handler = new SocketsHttpHandler { MaxConnectionsPerServer = MostAtOnce, UseProxy = false };
        using var client = new HttpClient(handler) { BaseAddress = new Uri($"http://127.0.0.1:{ports.HttpFrontend}"), Timeout = TimeSpan.FromSeconds(15) };
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1 / perSecond), time);
        using var slots = new SemaphoreSlim(MostAtOnce);
        while (await timer.WaitForNextTickAsync(cancel))
        {
            if (slots.Wait(0, cancel)) // customers who find the site hanging do not pile up without end
            {
                _ = VisitAsync(client, slots, cancel);
            }
        }
    }

    private async Task VisitAsync(HttpClient client, SemaphoreSlim slots, CancellationToken cancel)
    {
        try
        {
            using var request = Random.Shared.NextDouble() < WriteShare
                ? new HttpRequestMessage(HttpMethod.Post, "/orders") { Content = JsonContent.Create(new { amount = Random.Shared.Next(100, 20_000) / 100m }) }
                : new HttpRequestMessage(HttpMethod.Get, "/orders");
            request.Headers.Add("X-Forwarded-For", $"{Blocks[Random.Shared.Next(Blocks.Length)]}.{Random.Shared.Next(1, 255)}");
            using var response = await client.SendAsync(request, cancel);
            Interlocked.Increment(ref response.StatusCode < HttpStatusCode.InternalServerError ? ref _answered : ref _failed);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            Interlocked.Increment(ref _failed);
        }
        finally
        {
            if (!cancel.IsCancellationRequested)
            {
                slots.Release();
            }
        }
    }
}
