using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench.Backup;

/// <summary>The console, or what an engine runs, is killed at random moments of backups, copies, restores and expirations. Then: no wrong state, nothing left
/// of what did not succeed, and every backup that was good still is.</summary>
internal sealed class BackupKills(FleetUnderTest fleet, ConsoleApi api, Random random)
{
    /// <summary>What an ended operation leaves is looked for once a minute.</summary>
    private static readonly TimeSpan Sweep = TimeSpan.FromSeconds(100);
    private static readonly string[] Kinds = ["streaming", "pgbackrest", "verify", "restore", "expire"];
    private readonly HashSet<string> _good = [];
    private readonly Dictionary<string, int> _ends = [];
    private int _wrong;

    /// <returns>1 when anything was wrong</returns>
    public static async Task<int> RunAsync(int kills, int port, int seed)
    {
        await using var fleet = await FleetUnderTest.StartAsync(port, consoles: 1, ["Sandbox:Latency=off", "Sandbox:CustomersPerSecond=5", "Access:SignInsPerMinute=10000"]);
        using var api = new ConsoleApi(fleet);
        return await new BackupKills(fleet, api, new Random(seed)).RunAsync(kills, seed);
    }

    private async Task<int> RunAsync(int kills, int seed)
    {
        // Something to restore and to delete.
        for (var i = 0; i < 3; i++) await EndAsync(await SubmitAsync(i < 2 ? "streaming" : "pgbackrest"));
        foreach (var backup in await UsableAsync()) _good.Add((string)backup["id"]!);
        var slots = await SlotsAsync();
        for (var kill = 1; kill <= kills; kill++)
        {
            var kind = Kinds[kill % Kinds.Length];
            var id = await SubmitAsync(kind);
            await Task.Delay(TimeSpan.FromSeconds(random.NextDouble() * 8));
            var victim = random.Next(3) == 0 && await KillEngineAsync() is { } engine ? engine : await KillConsoleAsync();
            var ended = await EndAsync(id);
            var state = (string)ended["state"]!;
            _ends[state] = _ends.GetValueOrDefault(state) + 1;
            var wrong = await WrongAsync(kind, ended, slots);
            _wrong += wrong.Count;
            Console.WriteLine($"  kill {kill}: {kind}, {victim} killed; {state}{((string?)ended["endReason"] is { Length: > 0 } why ? $" ({why})" : "")}{(wrong.Count > 0 ? "; WRONG: " + string.Join("; ", wrong) : "")}");
            if (kind == "restore" && state == "succeeded") await EndAsync((string?)(await api.PostAsync($"operations/{id}/rollback", new JsonObject { ["reason"] = "measurement" }))["operationId"] ?? id);
        }
        var proven = 0;
        foreach (var backup in (await UsableAsync()).Take(6))
            proven += (string?)(await EndAsync(await PostAsync($"backups/{(string)backup["id"]!}/verify", [])))["state"] == "succeeded" ? 1 : 0;
        Console.WriteLine($"{kills} kills (seed {seed}): {string.Join(", ", _ends.Select(e => $"{e.Value} {e.Key}"))}; {_wrong} wrong states or leftovers, {_good.Count} good backups kept, {proven} of {Math.Min(6, _good.Count)} newest proven by a restore afterwards");
        return _wrong == 0 && proven == Math.Min(6, _good.Count) ? 0 : 1;
    }

    private async Task<string> SubmitAsync(string kind)
    {
        var usable = await UsableAsync();
        switch (kind)
        {
            case "verify":
                return await PostAsync($"backups/{(string)usable[random.Next(usable.Count)]["id"]!}/verify", []);
            case "restore":
                var call = new JsonObject { ["cluster"] = "orders", ["backupId"] = (string)usable[random.Next(usable.Count)]["id"]!, ["destination"] = "new", ["reason"] = "measurement" };
                call["planHash"] = (string)(await api.PostAsync("restores/preview", call.DeepClone().AsObject()))["plan"]!["hash"]!;
                return await PostAsync("restores", call);
            case "expire":
                await AgeAsync();
                return await PostAsync("backups/expire", new JsonObject { ["cluster"] = "orders" });
            default:
                return await PostAsync("backups", new JsonObject { ["cluster"] = "orders", ["engine"] = kind, ["type"] = kind == "pgbackrest" && random.Next(2) == 0 ? "incremental" : "full" });
        }
    }

    /// <summary>Two streamed backups become so old that the policy keeps one of them.</summary>
    private async Task AgeAsync()
    {
        const string young = "FROM backups.backup WHERE engine = 'streaming' AND state IN ('taken', 'copied', 'verified') AND ended_at > now() - interval '1 day'"; // a proven one may be the last
        await using var connection = new NpgsqlConnection(FleetDatabase.Of(fleet));
        await connection.OpenAsync();
        await using var count = new NpgsqlCommand($"SELECT count(*) {young}", connection);
        while ((long)(await count.ExecuteScalarAsync())! < 2) _good.Add((string)(await EndAsync(await SubmitAsync("streaming")))["result"]!["backupId"]!);
        await using var age = new NpgsqlCommand($"""
            UPDATE backups.backup b SET started_at = b.started_at - interval '40 days', ended_at = b.ended_at - interval '40 days'
            FROM (SELECT id {young} ORDER BY ended_at LIMIT 2) old WHERE old.id = b.id
            """, connection);
        await age.ExecuteNonQueryAsync();
    }

    private async Task<IReadOnlyList<string>> WrongAsync(string kind, JsonNode operation, long slots)
    {
        var wrong = new List<string>();
        var began = Stopwatch.GetTimestamp();
        do
        {
            wrong.Clear();
            var listed = (await AllAsync()).ToDictionary(b => (string)b["id"]!);
            var made = listed.Values.Where(b => (string?)b["operationId"] == (string)operation["id"]!).ToList();
            var succeeded = (string)operation["state"]! == "succeeded";
            if (kind is "streaming" or "pgbackrest" && succeeded && made.Count != 1) wrong.Add($"it succeeded and {made.Count} backups are listed");
            if (kind is "streaming" or "pgbackrest" && !succeeded && made.Exists(b => Usable(b))) wrong.Add($"it is {operation["state"]} and its backup counts as good");
            foreach (var id in _good.ToList())
            {
                if (!listed.TryGetValue(id, out var found)) wrong.Add($"backup {id} is no longer listed");
                else if ((string?)found["state"] == "expired" && kind == "expire") _good.Remove(id);
                else if (!Usable(found)) wrong.Add($"backup {id} is {found["state"]}: {found["failure"]}");
            }
            _good.UnionWith(made.Where(Usable).Select(b => (string)b["id"]!));
            var restored = Instances() - (kind == "restore" && succeeded ? 1 : 0);
            if (restored != 0) wrong.Add($"{restored} restored instances are left");
            if (await SlotsAsync() is var now && now != slots) wrong.Add($"{now} replication slots instead of {slots}");
            if (Processes("pgbackrest").Count > 0) wrong.Add("pgBackRest still runs");
            if (wrong.Count > 0) await Task.Delay(1000);
        } while (wrong.Count > 0 && Stopwatch.GetElapsedTime(began) < Sweep);
        return wrong;
    }

    private static bool Usable(JsonNode backup) => (string?)backup["state"] is "taken" or "copied" or "verified" or "proven" or "held";

    private async Task<List<JsonNode>> UsableAsync() => [.. (await AllAsync()).Where(Usable)];

    private async Task<List<JsonNode>> AllAsync() => [.. (await PatientlyAsync(() => api.GetAsync("backups?limit=500&expired=true")))["items"]!.AsArray().OfType<JsonNode>()];

    private Task<string> PostAsync(string path, JsonObject body) => PatientlyAsync(async () => (string)(await api.PostAsync(path, body.DeepClone().AsObject()))["operationId"]!);

    private Task<JsonNode> EndAsync(string id) => PatientlyAsync(() => api.EndAsync(id, TimeSpan.FromSeconds(240)));

    /// <summary>The console is being started again, or the operation before has only just ended: asked again.</summary>
    private static async Task<T> PatientlyAsync<T>(Func<Task<T>> call)
    {
        for (var began = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or InvalidOperationException && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(90))
            {
                await Task.Delay(500);
            }
        }
    }

    /// <summary>Replication slots on the primary.</summary>
    private async Task<long> SlotsAsync() => (await fleet.PrimaryAsync()).Primary is { } primary ? await fleet.AskAsync(primary, "SELECT count(*) FROM pg_replication_slots") ?? -1 : -1;

    /// <summary>Postmasters of regions beyond one each.</summary>
    private int Instances() => fleet.Regions.Sum(r => Directory.EnumerateFiles(Path.Combine(fleet.Root, "sites", r), "postmaster.pid", SearchOption.AllDirectories).Count() - 1);

    private async Task<string> KillConsoleAsync()
    {
        await FleetUnderTest.ShellAsync($"kill -KILL {fleet.ConsolePids[0]}");
        return "console";
    }

    /// <returns>what was killed; null: no engine was at work</returns>
    private async Task<string?> KillEngineAsync()
    {
        if (Processes("pgbackrest") is { Count: > 0 } running)
        {
            await FleetUnderTest.ShellAsync($"kill -KILL {string.Join(' ', running)} 2>/dev/null || true");
            return "pgBackRest";
        }
        foreach (var region in fleet.Regions)
            if (await fleet.AskAsync(region, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_progress_basebackup") > 0) return $"the sender in {region}";
        if (Processes("/restored/").Where(p => File.Exists($"/proc/{p}/cmdline")).ToList() is { Count: > 0 } restored)
        {
            await FleetUnderTest.ShellAsync($"kill -KILL {string.Join(' ', restored)} 2>/dev/null || true");
            return "the restored instance";
        }
        return null;
    }

    /// <summary>Processes of this fleet whose command holds the word.</summary>
    private List<int> Processes(string word) => [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(n => int.TryParse(n, out _)).Where(n =>
    {
        try
        {
            var command = File.ReadAllText($"/proc/{n}/cmdline");
            return command.Contains(fleet.Root, StringComparison.Ordinal) && command.Contains(word, StringComparison.Ordinal) && !command.Contains("sshd", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // it has ended
        }
    }).Select(n => int.Parse(n!, CultureInfo.InvariantCulture))];
}
