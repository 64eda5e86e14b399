using System.Collections.Concurrent;

namespace OpsConsole.Web.Components.Live;

/// <summary>Readings that every viewer sees alike (error budgets, recent changes), taken once per period for all of them
/// instead of once per viewer. Nothing is read while nobody looks.</summary>
public sealed class SharedReadings(TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, Reading> _readings = [];

    /// <param name="maxAge">Older readings are taken again; callers that come meanwhile wait for the same one.</param>
    public Task<T> GetAsync<T>(string name, TimeSpan maxAge, Func<Task<T>> read)
    {
        var now = clock.GetUtcNow();
        var reading = _readings.AddOrUpdate(name,
            _ => new Reading(now, new Lazy<Task>(read)),
            (_, old) => now - old.At > maxAge || old.Failed ? new Reading(now, new Lazy<Task>(read)) : old);
        return (Task<T>)reading.Value.Value;
    }

    private sealed record Reading(DateTimeOffset At, Lazy<Task> Value)
    {
        public bool Failed => Value is { IsValueCreated: true, Value.IsFaulted: true } or { IsValueCreated: true, Value.IsCanceled: true };
    }
}
