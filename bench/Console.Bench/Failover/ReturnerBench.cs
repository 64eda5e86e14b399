using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Npgsql;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench.Failover;

/// <summary>An old primary that hung beyond reach of its host's shell is thawed after the failover: how long clients that go to it directly still get commits acknowledged there. They commit locally,
/// without waiting for standbys: what would be lost if nobody fenced it.</summary>
internal static class ReturnerBench
{
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(5);

    public static async Task<int> RunAsync(int runs, int port)
    {
        var all = new List<double>();
        for (var i = 0; i < runs; i++)
        {
            var one = await OnceAsync(port);
            all.Add(one);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  acknowledges for {one:0} ms after its first answer"));
        }
        all.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"returner: acknowledges for {all[all.Count / 2]:0} ms median, {all[^1]:0} ms worst after its first answer, n {all.Count} (goal 100)"));
        return all[^1] <= 100 ? 0 : 1;
    }

    /// <returns>from its first answer after the thaw to its last acknowledged commit, in ms</returns>
    private static async Task<double> OnceAsync(int port)
    {
        var unreachable = Enumerable.Range(0, 4).SelectMany(region => new[] { NodeHost.Kill, NodeHost.Stop }.Select(command => $"Fleet:Regions:{region}:Shell:Commands:{command}=exit 1"));
        await using var scene = await Scene.StartAsync(port, consoles: 1, latency: false, ["Failover:Detection:CooldownSeconds=0", .. unreachable]);
        var source = await scene.SettledAsync();
        await scene.Api.EnableAutomaticAsync("orders");
        await Task.Delay(TimeSpan.FromSeconds(5)); // the detector reads what is allowed once a second

        var (answers, commits) = (new ConcurrentBag<long>(), new ConcurrentBag<long>());
        using var end = new CancellationTokenSource();
        var address = scene.Fleet.NodeAsApplication(source);
        // Sessions from before go on where they stood; new ones come at every moment.
        var clients = Enumerable.Range(0, 4).Select(n => Task.Run(() => AskAsync(address, keeps: n < 2, answers, commits, end.Token))).ToList();
        await Task.Delay(1000);
        if (commits.IsEmpty) throw new InvalidOperationException($"Nothing is committed in {source} before it hangs: nothing could be seen afterwards.");
        var pid = scene.Fleet.Postmaster(source);
        await FleetUnderTest.SignalAsync(pid, "STOP");
        var began = Stopwatch.GetTimestamp();
        while (await scene.Fleet.PrimaryAsync() is not ({ } leads, _) || leads == source)
        {
            if (Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(60)) throw new TimeoutException($"Nobody took over from {source}.");
            await Task.Delay(100);
        }
        await Task.Delay(2000); // it is through, and waits for the one that hangs
        var thawed = Stopwatch.GetTimestamp();
        await FleetUnderTest.SignalAsync(pid, "CONT");
        await Task.Delay(Watched);
        await end.CancelAsync();
        await Task.WhenAll(clients);

        var first = answers.Where(a => a > thawed).DefaultIfEmpty(0).Min();
        if (first == 0) throw new InvalidOperationException($"{source} did not answer within {Watched.TotalSeconds:0} s after the thaw.");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  first answer {Stopwatch.GetElapsedTime(thawed, first).TotalMilliseconds:0} ms after the thaw; {commits.Count(c => c > thawed)} commits acknowledged and {answers.Count(a => a > thawed) - commits.Count(c => c > thawed)} refused in {Watched.TotalSeconds:0} s"));
        var last = commits.Where(c => c > thawed).DefaultIfEmpty(first).Max();
        return Stopwatch.GetElapsedTime(first, last).TotalMilliseconds;
    }

    private static async Task AskAsync(string address, bool keeps, ConcurrentBag<long> answers, ConcurrentBag<long> commits, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await using var connection = new NpgsqlConnection(address);
                await connection.OpenAsync(cancel);
                await using var local = new NpgsqlCommand("SET synchronous_commit = local", connection);
                await local.ExecuteNonQueryAsync(cancel);
                do
                {
                    // Takes a transaction id, so that there is something to commit; a standby refuses it.
                    await using var write = new NpgsqlCommand("SELECT pg_current_xact_id()", connection);
                    await write.ExecuteScalarAsync(cancel);
                    var at = Stopwatch.GetTimestamp();
                    answers.Add(at);
                    commits.Add(at);
                    await Task.Delay(2, cancel);
                }
                while (keeps);
            }
            catch (PostgresException)
            {
                answers.Add(Stopwatch.GetTimestamp()); // a refusal is an answer, too
                await Task.Delay(2, CancellationToken.None);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or IOException or OperationCanceledException)
            {
                await Task.Delay(2, CancellationToken.None); // it hangs, or the end has come
            }
        }
    }
}
