using System.Net;
using System.Net.Sockets;
using OpsConsole.Fleet.Tests.Sandbox;
using OpsConsole.Sandbox;
using OpsConsole.Sandbox.Layout;

// Real parts on few cores: two fleets under test at once would disturb each other's times.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace OpsConsole.Fleet.Tests.Sandbox;

/// <summary>Classes that leave a fleet as they found it share one: starting a fleet takes ten seconds.</summary>
[CollectionDefinition(Backups)]
public sealed class SharedFleet : ICollectionFixture<SandboxFixture>
{
    public const string Backups = "a fleet for backups";
}

/// <summary>The same for those that break things and put them back.</summary>
[CollectionDefinition(Faults)]
public sealed class SharedFleetForFaults : ICollectionFixture<SandboxFixture>
{
    public const string Faults = "a fleet for faults";
}

/// <summary>One embedded fleet without a console for the tests of one class or of several that share it, in this process, in a directory and at ports of its own. What a class has left behind ends with it.</summary>
public class SandboxFixture : IAsyncLifetime
{
    private readonly string _directory = TemporaryDirectory();
    private EmbeddedFleet? _fleet;

    /// <summary>Whether what crosses from site to site takes as long as between real regions.</summary>
    protected virtual bool Latency => false;

    public EmbeddedFleet Fleet => _fleet ?? throw new InvalidOperationException("The fleet has not started.");

    /// <summary>Directory and first port of the fleet: this fixture's, or one that runs already and is named by
    /// <c>OPSCONSOLE_TEST_FLEET=DIR:PORT-BASE</c>, which saves the start while a test is being written.</summary>
    public (string Directory, int PortBase) Place => Running ?? (_directory, Fleet.Options.PortBase);

    private static (string, int)? Running => Environment.GetEnvironmentVariable("OPSCONSOLE_TEST_FLEET") is { } place && place.LastIndexOf(':') is > 0 and var colon
        ? (place[..colon], int.Parse(place[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture)) : null;

    public async ValueTask InitializeAsync()
    {
        if (Running is not null)
        {
            return;
        }
        var options = new SandboxOptions { Directory = _directory, PortBase = FreePortBase(), Consoles = 0, Latency = Latency, CustomersPerSecond = 10 };
        _fleet = await EmbeddedFleet.StartAsync(options, _ => { }, TimeProvider.System, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_fleet is not null)
        {
            await _fleet.DisposeAsync();
        }
        Directory.Delete(_directory, recursive: true);
    }

    public static string TemporaryDirectory() => Directory.CreateTempSubdirectory("opsconsole-fleet-").FullName;

    /// <summary>A base whose ports are all free now; below the range that the system gives to clients.</summary>
    public static int FreePortBase()
    {
        for (var tries = 0; tries < 100; tries++)
        {
            var start = Random.Shared.Next(100, 150) * PortPlan.Size;
            if (new PortPlan(start).Used(2).All(IsFree))
            {
                return start;
            }
        }
        throw new InvalidOperationException($"No {PortPlan.Size} free ports in a row.");
    }

    private static bool IsFree(int port)
    {
        using var probe = new TcpListener(IPAddress.Loopback, port);
        try
        {
            probe.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>The same with 60 to 220 ms a round trip between the sites, the console's own among them.</summary>
public sealed class FarSandboxFixture : SandboxFixture
{
    protected override bool Latency => true;
}
