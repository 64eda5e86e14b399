namespace OpsConsole.Core.Backups.Stores;

/// <summary>A place for backups: named objects of bytes. Names are paths with slashes, of letters, digits, dashes, dots and underscores. An object is there as a whole
/// or not at all. Every failure is a <see cref="StoreException"/> that says what to do.</summary>
public interface IBackupStore : IDisposable
{
    /// <summary>Id of the declared repository.</summary>
    string Id { get; }

    /// <summary>Where it is, for people; without secrets.</summary>
    string Location { get; }

    StoreCapabilities Capabilities { get; }

    /// <summary>Writes an object from a stream of unknown length, in parts where the store wants that. When it throws, nothing is there under the name that was not there before.</summary>
    Task<StoredObject> PutAsync(string name, Stream content, PutOptions options, CancellationToken cancel);

    /// <summary>Reads from an offset on (bytes), at most <paramref name="length"/> bytes (null: all).</summary>
    Task<Stream> GetAsync(string name, long offset, long? length, CancellationToken cancel);

    /// <summary>What is there under a prefix, in the order of the names' bytes; empty when nothing is.</summary>
    IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancel);

    /// <summary>One object; null when it is not there.</summary>
    Task<StoredObject?> FindAsync(string name, CancellationToken cancel);

    /// <summary>Deletes; an object that is not there is no mistake.</summary>
    /// <exception cref="StoreException">of kind Locked when the store keeps it by retention or hold</exception>
    Task DeleteAsync(string name, CancellationToken cancel);

    /// <summary>Sets or lifts a legal hold. Only where <see cref="StoreCapabilities.LegalHold"/>.</summary>
    Task HoldAsync(string name, bool held, CancellationToken cancel);

    /// <summary>Forbids deletion until then; never shortens. Only where <see cref="StoreCapabilities.Retention"/>.</summary>
    Task RetainAsync(string name, DateTimeOffset until, CancellationToken cancel);

    /// <summary>Writes, reads and deletes a small object: whether backups could go there now.</summary>
    Task CheckAsync(CancellationToken cancel);
}

/// <param name="ConditionalPut">a put can insist that nothing is there yet</param>
/// <param name="Retention">can refuse deletion until a time (object lock in compliance mode)</param>
/// <param name="LegalHold">can refuse deletion until a hold is lifted</param>
/// <param name="Versioned">deleted or replaced objects may remain as older versions</param>
public sealed record StoreCapabilities(bool ConditionalPut, bool Retention, bool LegalHold, bool Versioned);

/// <param name="RetainUntil">null: nothing known to keep it (listings do not tell)</param>
public sealed record StoredObject(string Name, long Size, DateTimeOffset WrittenAt)
{
    public DateTimeOffset? RetainUntil { get; init; }
    public bool Held { get; init; }
}

/// <param name="IfAbsent">fail with <see cref="StoreFailure.Exists"/> when an object of the name is there</param>
/// <param name="RetainUntil">retention from the start; ignored where the store cannot</param>
/// <param name="Passing">it is replaced in a moment: the repository's own retention does not apply to it</param>
public sealed record PutOptions(bool IfAbsent = false, DateTimeOffset? RetainUntil = null, bool Passing = false)
{
    /// <summary>What goes beyond it comes in seconds: locked, every version of it would be kept for days.</summary>
    public static PutOptions Superseded { get; } = new(Passing: true);
    public static PutOptions Replace { get; } = new();
    public static PutOptions New { get; } = new(IfAbsent: true);
}

public enum StoreFailure { Full, Denied, Missing, Exists, Locked, Unreachable, Silent, Unsupported, Skewed, Other }

/// <summary>A store refused, or did not answer. The message names the store and says what to do.</summary>
public sealed class StoreException(string store, StoreFailure failure, string what, Exception? inner = null) : Exception($"{store}: {what} {Remedy(failure)}".TrimEnd(), inner)
{
    public string Store { get; } = store;
    public StoreFailure Failure { get; } = failure;

    /// <summary>Whether the same call may succeed in a moment.</summary>
    public bool IsPassing => Failure is StoreFailure.Unreachable or StoreFailure.Silent;

    private static string Remedy(StoreFailure failure) => failure switch
    {
        StoreFailure.Full => "Free space there or give it more, then run the backup again; nothing half-written is left.",
        StoreFailure.Denied => "Check the repository's keys and what they may do (read, write, list, delete).",
        StoreFailure.Missing => "",
        StoreFailure.Exists => "It is not overwritten.",
        StoreFailure.Locked => "It goes when its retention or hold ends.",
        StoreFailure.Unreachable => "Check the address, the network and the store's own health.",
        StoreFailure.Skewed => "Mend this host's clock (NTP); the keys are not the cause.",
        StoreFailure.Silent => "The store took the connection but no data; check its load and the network.",
        _ => "",
    };
}
