using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>How one repository stands.</summary>
/// <param name="UpTo">position up to which it has the log without a gap since the shipping began</param>
/// <param name="Failure">why the newest piece did not get there; null: it did</param>
public sealed record WalCopyState(string Repository, WalPosition? UpTo, string? Failure);

/// <summary>Puts pieces of the log into all repositories. A piece counts as stored once one of them has it. One that fails is passed over, so that the others do not wait for it, until
/// <see cref="CatchUpAsync"/> has brought it what it lacks.</summary>
public sealed class WalShipper(string cluster, KeyRing keys, IReadOnlyList<IBackupStore> stores, FanOutLimits limits, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SortedSet<string>> _lacking = stores.ToDictionary(s => s.Id, _ => new SortedSet<string>(StringComparer.Ordinal));
    private readonly Dictionary<string, WalCopyState> _copies = stores.ToDictionary(s => s.Id, s => new WalCopyState(s.Id, null, null));
    private readonly Dictionary<string, string> _partials = [];

    public IReadOnlyCollection<WalCopyState> Copies
    {
        get
        {
            lock (_gate) return [.. _copies.Values.OrderBy(c => c.Repository, StringComparer.Ordinal)];
        }
    }

    /// <exception cref="BackupEngineException">no repository took it</exception>
    public async Task SegmentAsync(int timeline, string fileName, ReadOnlyMemory<byte> content, WalPosition end, CancellationToken cancel)
    {
        await PutAsync(WalNames.Whole(cluster, timeline, fileName), content, end, PutOptions.Replace, cancel);
        await DropPartialAsync(fileName, cancel);
    }

    /// <summary>Replaces the newest piece of the segment by one that goes further.</summary>
    /// <exception cref="BackupEngineException">no repository took it</exception>
    public async Task PartialAsync(int timeline, string fileName, ReadOnlyMemory<byte> content, WalPosition end, CancellationToken cancel)
    {
        var name = WalNames.Partial(cluster, timeline, fileName, end);
        if (_partials.GetValueOrDefault(fileName) == name) return;
        await PutAsync(name, content, end, PutOptions.Superseded, cancel);
        await DropPartialAsync(fileName, cancel);
        _partials[fileName] = name;
    }

    public Task HistoryAsync(int timeline, ReadOnlyMemory<byte> content, CancellationToken cancel) => PutAsync(WalNames.HistoryObject(cluster, timeline), content, null, PutOptions.Replace, cancel);

    private async Task PutAsync(string name, ReadOnlyMemory<byte> content, WalPosition? end, PutOptions options, CancellationToken cancel)
    {
        var served = Served();
        await using var fan = new FanOut(served, name, options, limits, time);
        var (_, outcomes) = await SmallObject.WriteAsync(keys.Current, name, content, fan, cancel);
        lock (_gate)
        {
            foreach (var store in stores.Except(served)) _lacking[store.Id].Add(name);
            foreach (var outcome in outcomes)
            {
                var known = _copies[outcome.Store.Id];
                if (outcome.Failure is not null) _lacking[outcome.Store.Id].Add(name);
                _copies[known.Repository] = known with { Failure = outcome.Failure?.Message, UpTo = outcome.Failure is null && _lacking[known.Repository].Count == 0 && end is not null ? end : known.UpTo };
            }
        }
    }

    /// <summary>Those that lack nothing; all, when there is none.</summary>
    private IReadOnlyList<IBackupStore> Served()
    {
        lock (_gate) return stores.Where(s => _copies[s.Id].Failure is null).ToList() is { Count: > 0 } good ? good : stores;
    }

    // What a piece held is in the one that replaces it; where it cannot be deleted now it only takes space, and the next start clears it.
    private async Task DropPartialAsync(string fileName, CancellationToken cancel)
    {
        if (!_partials.Remove(fileName, out var old)) return;
        lock (_gate)
        {
            foreach (var store in stores) _lacking[store.Id].Remove(old);
        }
        foreach (var store in Served()) await TryDeleteAsync(store, old, cancel);
    }

    private static async Task TryDeleteAsync(IBackupStore store, string name, CancellationToken cancel)
    {
        try
        {
            await store.DeleteAsync(name, cancel);
        }
        catch (StoreException)
        {
            return; // it is superseded; nothing depends on its being gone
        }
    }

    /// <summary>Copies what a repository lacks from one that has it. Stored bytes are copied as they are: every object is the same everywhere.</summary>
    /// <returns>pieces copied</returns>
    public async Task<int> CatchUpAsync(CancellationToken cancel)
    {
        var copied = 0;
        foreach (var store in stores)
        {
            while (Next(store) is var (name, from))
            {
                if (!await CopyAsync(name, from, store, cancel)) break;
                copied++;
            }
        }
        return copied;
    }

    private (string Name, IBackupStore From)? Next(IBackupStore store)
    {
        lock (_gate)
        {
            foreach (var name in _lacking[store.Id])
                if (stores.FirstOrDefault(s => s != store && !_lacking[s.Id].Contains(name)) is { } from) return (name, from);
            return null;
        }
    }

    private async Task<bool> CopyAsync(string name, IBackupStore from, IBackupStore to, CancellationToken cancel)
    {
        try
        {
            await using var content = await from.GetAsync(name, 0, null, cancel);
            await to.PutAsync(name, content, WalNames.IsPartial(name) ? PutOptions.Superseded : PutOptions.Replace, cancel);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Missing && e.Store == from.Id)
        {
            // Superseded meanwhile: there is nothing to copy any more.
        }
        catch (StoreException e)
        {
            lock (_gate) _copies[to.Id] = _copies[to.Id] with { Failure = e.Message };
            return false;
        }
        lock (_gate)
        {
            _lacking[to.Id].Remove(name);
            if (_lacking[to.Id].Count == 0) _copies[to.Id] = _copies[to.Id] with { Failure = null };
        }
        return true;
    }

    /// <summary>After a start: finds what each repository lacks of what another has, and clears pieces that are superseded.</summary>
    /// <returns>the newest piece that any of them has</returns>
    /// <exception cref="StoreException">not one of them answers</exception>
    public async Task<WalObject?> CompareAsync(int segmentBytes, TimelineAncestry ancestry, CancellationToken cancel)
    {
        var seen = new Dictionary<string, IReadOnlyList<WalObject>>();
        StoreException? away = null;
        foreach (var store in stores)
        {
            try
            {
                var all = await new WalRepository(store).ListAsync(cluster, segmentBytes, cancel);
                var newest = WalRepository.Newest(all.Where(o => !o.IsHistory)).ToHashSet();
                foreach (var old in all.Where(o => o.UpTo is not null && !newest.Contains(o))) await TryDeleteAsync(store, old.Name, cancel);
                seen[store.Id] = [.. all.Where(o => o.IsHistory), .. newest];
            }
            catch (StoreException e)
            {
                lock (_gate) _copies[store.Id] = _copies[store.Id] with { Failure = e.Message };
                away = e;
            }
        }
        if (seen.Count == 0) throw away!;
        var whole = seen.Values.SelectMany(o => o).Where(o => o.UpTo is null).Select(o => o.Name).ToHashSet(StringComparer.Ordinal);
        lock (_gate)
        {
            foreach (var store in stores) _lacking[store.Id].UnionWith(whole.Except(seen.GetValueOrDefault(store.Id)?.Select(o => o.Name) ?? [], StringComparer.Ordinal));
        }
        foreach (var piece in seen.Values.SelectMany(o => o).Where(o => o.UpTo is not null)) _partials[piece.FileName] = piece.Name;
        return seen.Values.SelectMany(o => o).Where(o => !o.IsHistory && WalStart.MayHold(o, ancestry, segmentBytes)).MaxBy(o => (o.Timeline, o.Segment, o.UpTo?.Value ?? ulong.MaxValue));
    }
}
