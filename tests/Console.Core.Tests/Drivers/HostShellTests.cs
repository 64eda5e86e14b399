using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Tests.Drivers;

public sealed class CommandTemplateTests
{
    [Theory]
    [InlineData("ls {dir}", "a b", "ls 'a b'")]
    [InlineData("ls {dir}", "it's; rm -rf /", "ls 'it'\\''s; rm -rf /'")]
    [InlineData("ls {dir} ${HOME} {print $1}", "x", "ls 'x' ${HOME} {print $1}")]
    [InlineData("echo \\' {dir}", "x", "echo \\' 'x'")]
    public void Fill_AnyArgument_IsOneQuotedWord(string template, string value, string expected) =>
        Assert.Equal(expected, CommandTemplate.Fill(template, new Dictionary<string, string> { ["dir"] = value }));

    [Theory]
    [InlineData("ls '{dir}'")]
    [InlineData("ls \"{dir}\"")]
    [InlineData("sh -c \"ls \\\" {dir}\"")]
    [InlineData("ls {other}")]
    public void Fill_UnsafeOrIncompleteTemplate_IsRefused(string template) =>
        Assert.Throws<HostShellException>(() => CommandTemplate.Fill(template, new Dictionary<string, string> { ["dir"] = "x" }));
}

/// <summary>Against a real sshd of our own.</summary>
public sealed class HostShellTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("opsconsole-ssh-").FullName;
    private Process? _sshd;
    private int _port;
    private string _fingerprint = "";

    [Fact]
    public async Task Ssh_CommandWithArgumentsAndInput_RunsAndKeepsItsConnection()
    {
        await using var shell = Shell(_fingerprint);
        var arguments = new Dictionary<string, string> { ["text"] = "it's $HOME; false" };

        var first = await shell.RequireAsync("us", "echo", arguments, "secret\n", TestContext.Current.CancellationToken);
        var second = await shell.RunAsync("us", "fail", cancel: TestContext.Current.CancellationToken);
        var connections = await shell.RequireAsync("us", "connection", cancel: TestContext.Current.CancellationToken);
        var again = await shell.RequireAsync("us", "connection", cancel: TestContext.Current.CancellationToken);

        Assert.Equal("it's $HOME; false|secret\n", first.Output);
        Assert.Equal(3, second.ExitCode);
        Assert.Equal("no\n", second.Error);
        Assert.Equal(connections.Output, again.Output);
    }

    [Fact]
    public async Task Ssh_HostGoneForSeveralTries_IsSaidEachTimeAndReachedWhenItIsBack()
    {
        await using var shell = Shell(_fingerprint);
        await shell.RequireAsync("us", "connection", cancel: TestContext.Current.CancellationToken);
        _sshd!.Kill(entireProcessTree: true);
        await _sshd.WaitForExitAsync(TestContext.Current.CancellationToken);
        for (var i = 0; i < 3; i++) await Assert.ThrowsAsync<HostShellException>(() => shell.RunAsync("us", "connection", cancel: TestContext.Current.CancellationToken));

        _sshd.Dispose();
        await ListenAsync();

        Assert.Contains("127.0.0.1", (await shell.RequireAsync("us", "connection", cancel: TestContext.Current.CancellationToken)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ssh_AnotherHostKey_IsRefused()
    {
        await using var shell = Shell("SHA256:0000000000000000000000000000000000000000000");
        var error = await Assert.ThrowsAsync<HostShellException>(() => shell.RunAsync("us", "fail", cancel: TestContext.Current.CancellationToken));
        Assert.Contains(_fingerprint, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_UndeclaredCommand_IsRefused()
    {
        await using var shell = Shell(_fingerprint);
        await Assert.ThrowsAsync<HostShellException>(() => shell.RunAsync("us", "rm", cancel: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Local_CommandWithInput_Runs()
    {
        await using var shell = new HostShell(Fleet(new ShellOptions { Kind = ShellKind.Local, Commands = { ["echo"] = Echo } }), TimeProvider.System);
        var result = await shell.RequireAsync("us", "echo", new Dictionary<string, string> { ["text"] = "a'b" }, "in", TestContext.Current.CancellationToken);
        Assert.Equal("a'b|in", result.Output);
    }

    private const string Echo = "printf %s {text}; printf '|'; cat";

    private HostShell Shell(string fingerprint) => new(Fleet(new ShellOptions
    {
        Kind = ShellKind.Ssh, Host = "127.0.0.1", Port = _port, User = Environment.UserName, KeyFile = Path.Combine(_directory, "user"), HostKeyFingerprint = fingerprint,
        Commands = { ["echo"] = Echo, ["fail"] = "echo no >&2; exit 3", ["connection"] = "echo $SSH_CONNECTION" },
    }), TimeProvider.System);

    private static FleetModel Fleet(ShellOptions shell) => new(new FleetOptions { Regions = [new RegionOptions { Id = "us", Shell = shell }] });

    public async ValueTask InitializeAsync()
    {
        foreach (var key in new[] { "host", "user" })
            await RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", Path.Combine(_directory, key));
        File.Copy(Path.Combine(_directory, "user.pub"), Path.Combine(_directory, "authorized"));
        _fingerprint = (await RunAsync("ssh-keygen", "-lf", Path.Combine(_directory, "host.pub"))).Split(' ')[1];
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            _port = ((IPEndPoint)free.LocalEndpoint).Port;
        }
        Directory.CreateDirectory("/run/sshd");
        await ListenAsync();
    }

    private async Task ListenAsync()
    {
        _sshd = Process.Start(new ProcessStartInfo("/usr/sbin/sshd", ["-D", "-e", "-f", "/dev/null", "-p", $"{_port}", "-o", "ListenAddress=127.0.0.1", "-h", Path.Combine(_directory, "host"),
            "-o", "PidFile=none", "-o", "StrictModes=no", "-o", "UsePAM=no", "-o", $"AuthorizedKeysFile={Path.Combine(_directory, "authorized")}"]) { RedirectStandardError = true })!;
        while (await _sshd.StandardError.ReadLineAsync() is { } line)
        {
            if (line.Contains("listening", StringComparison.OrdinalIgnoreCase)) break;
        }
    }

    public ValueTask DisposeAsync()
    {
        _sshd?.Kill(entireProcessTree: true);
        _sshd?.Dispose();
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static async Task<string> RunAsync(string file, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{file} ended with {process.ExitCode}");
    }
}
