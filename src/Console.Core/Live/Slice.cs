using System.Collections.Immutable;

namespace OpsConsole.Core.Live;

/// <summary>The working copy of one kind of entity. Entities are changed freely; <see cref="Publish"/> takes over what differs visibly
/// from the published picture: facts at once, figures only when asked.</summary>
internal sealed class Slice<T>(Func<T, T, bool> sameFacts, Func<T, T, bool> sameFigures, Func<T, int, T> withVersion) where T : class, ILiveEntity
{
    private readonly Dictionary<string, T> _working = new(StringComparer.Ordinal);
    private readonly HashSet<string> _dirty = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, T> Working => _working;

    public T? Find(string key) => _working.GetValueOrDefault(key);

    public void Load(IEnumerable<T> entities)
    {
        _working.Clear();
        _dirty.Clear();
        foreach (var entity in entities)
            _working[entity.Key] = entity;
    }

    public void Set(T entity)
    {
        _working[entity.Key] = entity;
        _dirty.Add(entity.Key);
    }

    public bool Remove(string key)
    {
        _dirty.Remove(key);
        return _working.Remove(key);
    }

    /// <param name="changes">called with each published entity and the one it replaces (null when new)</param>
    public ImmutableSortedDictionary<string, T> Publish(ImmutableSortedDictionary<string, T> published, bool figures, Action<T?, T> changes)
    {
        if (_dirty.Count == 0)
            return published;
        ImmutableSortedDictionary<string, T>.Builder? builder = null;
        var settled = new List<string>();
        foreach (var key in _dirty)
        {
            var now = _working[key];
            var before = published.GetValueOrDefault(key);
            var same = before is not null && sameFacts(before, now);
            if (same && !figures)
                continue;
            settled.Add(key);
            if (same && sameFigures(before!, now))
                continue;
            now = withVersion(now, (before?.Version ?? 0) + 1);
            _working[key] = now;
            builder ??= published.ToBuilder();
            builder[key] = now;
            changes(before, now);
        }
        foreach (var key in settled)
            _dirty.Remove(key);
        return builder?.ToImmutable() ?? published;
    }
}
