using System.Diagnostics;
using OpsConsole.Testing;

namespace OpsConsole.Web.Tests.Hosting;

/// <summary>The console's own binary, as on the day on which its database is gone: nothing listens at the addresses of the sample fleet.</summary>
public sealed class OfflineVerbTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"opsconsole-offline-{Guid.NewGuid():N}.json");

    public OfflineVerbTests()
    {
        var fleet = SampleFleet.Json();
        fleet["Fleet"]!["Clusters"]![0]!.AsObject().Remove("Password");
        fleet["Fleet"]!["Clusters"]![0]!["Password_FILE"] = "/run/secrets/not-on-this-machine";
        File.WriteAllText(_file, fleet.ToJsonString());
    }

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task Plan_FleetFileAlone_PrintsTheCommandsAndEndsWell()
    {
        var (code, output, errors) = await RunAsync("plan", "failover", "--cluster", "orders", "--source", "us-east-1", "--target", "eu-west-1");
        Assert.True(code == 0, errors);
        Assert.StartsWith("#!/usr/bin/env bash\n# Failover of orders from us-east-1 to eu-west-1", output, StringComparison.Ordinal);
        Assert.Contains("PGPASSWORD=$(cat '/run/secrets/not-on-this-machine')", output, StringComparison.Ordinal);
        Assert.Contains("pg_promote(true, 60)", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, "Usage: plan failover", "plan")]
    [InlineData(64, "Usage: plan failover", "plan", "failover", "--cluster")]
    [InlineData(64, "--source mars has no node of orders", "plan", "failover", "--cluster", "orders", "--source", "mars")]
    public async Task Plan_NotUnderstood_SaysWhatIsMeant(int expected, string words, params string[] arguments)
    {
        var (code, output, errors) = await RunAsync(arguments);
        Assert.Equal((expected, ""), (code, output));
        Assert.Contains(words, errors, StringComparison.Ordinal);
    }

    private async Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "OpsConsole.Web.dll"), .. arguments])
        { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["OPSCONSOLE_CONFIG"] = _file } };
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await errors);
    }
}
