using System.Globalization;

namespace OpsConsole.Sandbox.Layout;

/// <summary>What the command line asks for.</summary>
public sealed record SandboxOptions
{
    public const int DefaultPortBase = 18000;

    /// <summary>Directory of everything that this sandbox keeps.</summary>
    public required string Directory { get; init; }
    public int PortBase { get; init; } = DefaultPortBase;
    /// <summary>Console processes, 0 to <see cref="PortPlan.MaxConsoles"/>; 0 runs the fleet alone.</summary>
    public int Consoles { get; init; } = 1;
    /// <summary>The console's OpsConsole.Web.dll; null: the one built beside this program.</summary>
    public string? ConsoleBinary { get; init; }
    /// <summary>Settings for the console, <c>Section:Key</c> to value.</summary>
    public IReadOnlyDictionary<string, string> ConsoleSettings { get; init; } = new Dictionary<string, string>();

    /// <summary><c>Sandbox:Latency</c>: on gives every pair of sites its realistic latency.</summary>
    public bool Latency { get; init; } = true;
    /// <summary><c>Sandbox:CustomersPerSecond</c>: requests per second of the customers, 0 to 1,000.</summary>
    public double CustomersPerSecond { get; init; } = 20;

    /// <param name="args">Arguments after the verb.</param>
    /// <exception cref="SandboxException">An argument is unknown or malformed.</exception>
    public static SandboxOptions Parse(IReadOnlyList<string> args, string currentDirectory)
    {
        var options = new SandboxOptions { Directory = Path.Combine(currentDirectory, ".sandbox") };
        var console = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < args.Count; i++)
        {
            var name = args[i];
            string Value() => ++i < args.Count ? args[i] : throw new SandboxException($"{name} needs a value.");
            options = name switch
            {
                "--dir" => options with { Directory = Path.GetFullPath(Value(), currentDirectory) },
                "--port-base" => options with { PortBase = Number(name, Value(), 1024, 65_535 - PortPlan.Size) },
                "--consoles" => options with { Consoles = Number(name, Value(), 0, PortPlan.MaxConsoles) },
                "--console" => options with { ConsoleBinary = Path.GetFullPath(Value(), currentDirectory) },
                "--set" => Set(options, Value(), console),
                _ => throw new SandboxException($"Unknown argument {name}. Known: --dir DIR, --port-base N, --consoles N, --set Section:Key=value."),
            };
        }
        return options with { ConsoleSettings = console };
    }

    private static SandboxOptions Set(SandboxOptions options, string setting, Dictionary<string, string> console)
    {
        var at = setting.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0)
        {
            throw new SandboxException($"--set {setting}: write it as Section:Key=value.");
        }

        var (key, value) = (setting[..at], setting[(at + 1)..]);
        switch (key.ToUpperInvariant())
        {
            case "SANDBOX:LATENCY":
                return value switch
                {
                    "on" => options with { Latency = true },
                    "off" => options with { Latency = false },
                    _ => throw new SandboxException("Sandbox:Latency is on or off."),
                };
            case "SANDBOX:CUSTOMERSPERSECOND":
                return double.TryParse(value, CultureInfo.InvariantCulture, out var rate) && rate is >= 0 and <= 1000
                    ? options with { CustomersPerSecond = rate }
                    : throw new SandboxException("Sandbox:CustomersPerSecond is a number from 0 to 1000.");
            case var k when k.StartsWith("SANDBOX:", StringComparison.Ordinal):
                throw new SandboxException($"Unknown setting {key}. Known: Sandbox:Latency, Sandbox:CustomersPerSecond.");
            default:
                console[key] = value;
                return options;
        }
    }

    private static int Number(string name, string text, int min, int max) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= min && n <= max
            ? n
            : throw new SandboxException($"{name} {text}: give a number from {min} to {max}.");
}
