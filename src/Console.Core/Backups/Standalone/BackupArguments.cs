using System.Globalization;

namespace OpsConsole.Core.Backups.Standalone;

/// <summary>The arguments make no sense; the message says which.</summary>
public sealed class BackupUsageException(string message) : Exception(message);

/// <summary>An action, <c>--name value</c> pairs, and what is left.</summary>
internal sealed class BackupArguments
{
    private static readonly string[] Known = ["repository", "key-file", "cluster", "backup", "directory", "target", "target-time", "fetch", "segment-megabytes"];
    private readonly Dictionary<string, string> _options = [];
    private readonly List<string> _rest = [];

    public required string Action { get; init; }

    public IReadOnlyList<string> Rest => _rest;

    public static BackupArguments Parse(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0) throw new BackupUsageException("Say what to do.");
        var given = new BackupArguments { Action = arguments[0] };
        for (var i = 1; i < arguments.Count; i++)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal))
            {
                given._rest.Add(arguments[i]);
                continue;
            }
            var name = arguments[i][2..];
            if (!Known.Contains(name)) throw new BackupUsageException($"There is no option --{name}.");
            if (++i == arguments.Count) throw new BackupUsageException($"--{name} wants a value.");
            given._options[name] = arguments[i];
        }
        return given;
    }

    public string Required(string name) => Optional(name) ?? throw new BackupUsageException($"--{name} is missing.");

    public string? Optional(string name) => _options.GetValueOrDefault(name);

    public int SegmentBytes() => Optional("segment-megabytes") is { } text ? int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture) * 1024 * 1024 : 16 * 1024 * 1024;

    public RestoreTarget Target()
    {
        if (Optional("target-time") is { } text)
        {
            return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
                ? new RestoreTarget(RecoveryTarget.Time, time)
                : throw new BackupUsageException($"\"{text}\" is not a time. Write it as 2026-11-23T10:00:00Z.");
        }
        return (Optional("target") ?? "latest") switch
        {
            "latest" => new RestoreTarget(RecoveryTarget.Latest),
            "backup" => new RestoreTarget(RecoveryTarget.Backup),
            var other => throw new BackupUsageException($"--target {other}: latest or backup."),
        };
    }
}
