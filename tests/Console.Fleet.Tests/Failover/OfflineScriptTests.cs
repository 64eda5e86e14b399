using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Failover.Offline;
using OpsConsole.Core.Fleet;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

public sealed class OfflineScriptTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task Script_PrimaryKilledAndNoConsole_MovesClientsLosesNothingAndBringsTheOldOneBack()
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
        var script = new FailoverScript(declared, path => file[path + "_FILE"] is { } secret ? $"$(cat {FailoverScript.Word(secret)})" : null).Write("orders", source, target, planned: false);
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 20, "writes");
        await fleet.SignalAsync(source, "KILL");

        await BashAsync(script);
        var before = writer.Count;
        await Eventually.TrueAsync(() => writer.Count > before + 20, "writes after the script");
        await writer.StopAsync();
        Assert.Empty(await writer.LostAsync(target));

        // What the script leaves for later stands in it as comments.
        var rejoin = script[script.IndexOf("say 'Bring", StringComparison.Ordinal)..].Replace("\n# ", "\n", StringComparison.Ordinal);
        var functions = script[..script.IndexOf("say 'Cut", StringComparison.Ordinal)];
        await BashAsync(functions + "\n" + rejoin);
        await using var back = await FailoverConsole.StartAsync(fleet);
        await back.SettledAsync(target);
        Assert.True(await fleet.AskAsync<bool>(fleet.Node(source), "SELECT pg_is_in_recovery()"));
    }

    private static async Task BashAsync(string script)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, script);
        using var bash = Process.Start(new ProcessStartInfo("bash", [file]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        bash.StandardInput.Close();
        var (output, errors) = (bash.StandardOutput.ReadToEndAsync(), bash.StandardError.ReadToEndAsync());
        await bash.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        File.Delete(file);
        TestContext.Current.TestOutputHelper?.WriteLine($"{await output}\n{await errors}");
        Assert.True(bash.ExitCode == 0, $"{bash.ExitCode}: {await output}\n{await errors}\n{script}");
    }
}
