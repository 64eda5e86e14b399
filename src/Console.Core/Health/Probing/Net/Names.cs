using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace OpsConsole.Core.Health.Probing.Net;

/// <summary>Addresses of names, kept for 30 s. A name that is known is answered at once and looked up again behind the scenes; look-ups
/// block a thread each (getaddrinfo), so few run at a time and a hanging resolver cannot starve the probes.</summary>
public sealed class Names(TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, Entry> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly SemaphoreSlim _lookups = new(8);

    public void Dispose() => _lookups.Dispose();

    /// <exception cref="SocketException">the name does not resolve</exception>
    public ValueTask<IPAddress> ResolveAsync(string host, CancellationToken cancel)
    {
        if (IPAddress.TryParse(host, out var address))
            return new(address);
        if (!_known.TryGetValue(host, out var entry))
            return new(LookUpAsync(host, cancel));
        if (time.GetElapsedTime(entry.At) > Fresh && entry.TryRefresh())
            _ = RefreshAsync(host, entry);
        return new(entry.Address);
    }

    private async Task<IPAddress> LookUpAsync(string host, CancellationToken cancel)
    {
        await _lookups.WaitAsync(cancel);
        try
        {
            var addresses = await Dns.GetHostAddressesAsync(host, cancel);
            // Loopback names often resolve to ::1 first while services listen on 127.0.0.1 only.
            var address = addresses.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses[0];
            _known[host] = new Entry(address, time.GetTimestamp());
            return address;
        }
        finally
        {
            _lookups.Release();
        }
    }

    private async Task RefreshAsync(string host, Entry stale)
    {
        try
        {
            await LookUpAsync(host, CancellationToken.None);
        }
        catch (SocketException)
        {
            // The name is gone or the resolver is: the next probe looks for itself and reports what it finds.
            _known.TryRemove(KeyValuePair.Create(host, stale));
        }
    }

    private sealed class Entry(IPAddress address, long at)
    {
        private int _refreshing;

        public IPAddress Address { get; } = address;
        public long At { get; } = at;
        public bool TryRefresh() => Interlocked.Exchange(ref _refreshing, 1) == 0;
    }
}
