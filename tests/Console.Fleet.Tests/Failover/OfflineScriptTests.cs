using System.Diagnostics;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Failover.Offline;
using OpsConsole.Core.Fleet;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

public sealed class OfflineScriptTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)] // the target stopped to stream before: the script names the standby that holds more
    public async Task Script_PrimaryKilledAndNoConsole_MovesClientsLosesNothingAndBringsTheOldOneBack(bool behind)
    {
        var fleet = LiveFleet.Of(sandbox);
        FleetModel declared;
        string source;
        await using (var console = await FailoverConsole.StartAsync(fleet))
        {
            await console.SettledAsync();
            (declared, source) = (console.Get<FleetModel>(), console.Primary);
        }
        var target = LiveFleet.Regions.First(r => r != source);
        var file = new ConfigurationBuilder().AddJsonFile(fleet.FleetFile).Build();
        string Script() => new FailoverScript(declared, path => file[path + "_FILE"] is { } secret ? $"$(cat {FailoverScript.Word(secret)})" : null).Write("orders", source, target, planned: false);
        if (behind)
        {
            await fleet.AskAsync<string>(fleet.Node(target), "ALTER SYSTEM SET primary_conninfo = ''");
            await fleet.AskAsync<bool>(fleet.Node(target), "SELECT pg_reload_conf()");
            await Eventually.TrueAsync(() => fleet.AskAsync<bool>(fleet.Node(target), "SELECT count(*) = 0 FROM pg_stat_wal_receiver"), "the target streams no more");
        }
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 20, "writes");
        await fleet.SignalAsync(source, "KILL");

        var run = await BashAsync(Script());
        if (behind) Assert.NotEqual(0, run.ExitCode);
        if (run.ExitCode != 0) // whichever standby confirmed the last row is the one to choose
        {
            var advice = Regex.Match(run.Errors, "STOPPED: (.*) holds more than (.*): make the script again with --target (.*)");
            Assert.True(advice.Success && advice.Groups[2].Value == target && advice.Groups[3].Value == advice.Groups[1].Value, run.ToString());
            target = advice.Groups[1].Value;
            run = await BashAsync(Script());
        }
        Assert.True(run.ExitCode == 0, run.ToString());
        var before = writer.Count;
        await Eventually.TrueAsync(() => writer.Count > before + 20, "writes after the script");
        await writer.StopAsync();
        Assert.Empty(await writer.LostAsync(target));

        // What the script leaves for later stands in it as comments.
        var script = Script();
        var rejoin = script[script.IndexOf("say 'Bring", StringComparison.Ordinal)..].Replace("\n# ", "\n", StringComparison.Ordinal);
        var functions = script[..script.IndexOf("say 'Cut", StringComparison.Ordinal)];
        run = await BashAsync(functions + "\n" + rejoin);
        Assert.True(run.ExitCode == 0, run.ToString());
        await using var back = await FailoverConsole.StartAsync(fleet);
        await back.SettledAsync(target);
        Assert.True(await fleet.AskAsync<bool>(fleet.Node(source), "SELECT pg_is_in_recovery()"));
    }

    private sealed record Run(int ExitCode, string Output, string Errors);

    private static async Task<Run> BashAsync(string script)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, script);
        using var bash = Process.Start(new ProcessStartInfo("bash", [file]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        bash.StandardInput.Close();
        var (output, errors) = (bash.StandardOutput.ReadToEndAsync(), bash.StandardError.ReadToEndAsync());
        await bash.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        File.Delete(file);
        return new Run(bash.ExitCode, await output, await errors);
    }
}
