namespace OpsConsole.Core.Chaos;

/// <summary>Brings faults about and takes them back. Holds no truth of its own: after a crash of the console another process finds by
/// the fault's tag what is left of it in the world. All methods may be repeated.</summary>
public interface IFaultInjector
{
    /// <summary>Entries of <see cref="FaultKinds"/>.</summary>
    IReadOnlyList<string> Kinds { get; }

    /// <summary>Why it could not be brought about on this target, in words, or null when it could. Asked before anything runs; changes nothing.</summary>
    Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel);

    /// <summary>Brings it about. What is there already stays.</summary>
    /// <exception cref="FaultException">it is not there, or only in part: revert</exception>
    Task InjectAsync(Fault fault, CancellationToken cancel);

    /// <summary>Looks at the world.</summary>
    Task<FaultReading> ReadAsync(Fault fault, CancellationToken cancel);

    /// <summary>Takes back whatever is left of it, all or part.</summary>
    /// <exception cref="FaultException">something may be left: repeat</exception>
    Task RevertAsync(Fault fault, CancellationToken cancel);
}

/// <summary>Injectors by kind of fault.</summary>
public sealed class FaultInjectors
{
    private readonly Dictionary<string, IFaultInjector> _byKind = [];

    public FaultInjectors(IEnumerable<IFaultInjector> injectors)
    {
        foreach (var injector in injectors)
        {
            foreach (var kind in injector.Kinds)
            {
                if (!_byKind.TryAdd(kind, injector)) throw new InvalidOperationException($"Two injectors bring about '{kind}'.");
            }
        }
    }

    public IReadOnlyCollection<string> Kinds => _byKind.Keys;

    /// <exception cref="FaultException">no injector brings it about</exception>
    public IFaultInjector Of(string kind) => _byKind.TryGetValue(kind, out var injector) ? injector
        : throw new FaultException($"No injector brings about '{kind}'. Known: {string.Join(", ", _byKind.Keys.Order(StringComparer.Ordinal))}.");

    public async Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel)
    {
        if (!_byKind.TryGetValue(fault.Kind, out var injector)) return $"no injector brings about {fault.Kind}";
        try
        {
            return await injector.UnavailableAsync(fault, cancel);
        }
        catch (Exception failure) when (!cancel.IsCancellationRequested)
        {
            return failure.Message; // it could not even be asked for
        }
    }
}
