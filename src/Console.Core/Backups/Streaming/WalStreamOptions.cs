using System.ComponentModel.DataAnnotations;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Configuration section <c>WalStreaming</c>.</summary>
public sealed class WalStreamOptions
{
    public const string Section = "WalStreaming";

    /// <summary>False: no log is streamed, whatever the repositories say.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>How often the growing segment is stored: what is lost at most with the primary is this and one put. 0.5 to 60 s.</summary>
    [Range(0.5, 60)] public double PartialSeconds { get; set; } = 2;

    /// <summary>Log that the primary keeps for the stream from which on there is an alarm. 16 to 1e7 MB.</summary>
    [Range(16, 1e7)] public double AlarmMegabytes { get; set; } = 512;

    /// <summary>From which on the slot is dropped, so that the primary's disk does not fill; the log then has a gap, which a full backup closes. 0: never. Up to 1e8 MB.</summary>
    [Range(0, 1e8)] public double DropMegabytes { get; set; } = 4096;

    /// <summary>How long a repository may take nothing, or not confirm, before the log goes on without it. 0.5 to 300 s.</summary>
    [Range(0.5, 300)] public double StoreSeconds { get; set; } = 3;

    internal FanOutLimits Limits => new(64, TimeSpan.FromSeconds(StoreSeconds), TimeSpan.FromSeconds(StoreSeconds));
}
