using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace OpsConsole.Core.Health.Probing;

/// <summary>When each probe is due: a fixed cadence with a phase that comes from the hash of its key, so that load is spread evenly,
/// stays the same over restarts, and every probe has its first run within one interval. Times are offsets from the start.</summary>
public sealed class ProbeSchedule
{
    private readonly PriorityQueue<int, long> _due = new();
    private readonly long[] _next;
    private readonly long[] _interval;

    public ProbeSchedule(ProbePlan plan, DateTimeOffset start)
    {
        _next = new long[plan.Probes.Count];
        _interval = new long[plan.Probes.Count];
        foreach (var probe in plan.Probes)
        {
            var interval = probe.Interval.Ticks;
            var phase = (long)(Hash(probe.Key) % (ulong)interval);
            _interval[probe.Index] = interval;
            _next[probe.Index] = ((phase - start.UtcTicks % interval) + interval) % interval;
            _due.Enqueue(probe.Index, _next[probe.Index]);
        }
    }

    /// <summary>Offset of the next due time; null for a fleet without probes.</summary>
    public TimeSpan? Next => _due.TryPeek(out _, out var ticks) ? new TimeSpan(ticks) : null;

    /// <summary>Takes one probe that is due at <paramref name="elapsed"/> and schedules its next run. Runs that were missed altogether
    /// (the process was stopped) are left out, the cadence stays.</summary>
    public bool TryTake(TimeSpan elapsed, out int probe, out TimeSpan due)
    {
        due = default;
        if (!_due.TryPeek(out probe, out var ticks) || ticks > elapsed.Ticks)
            return false;
        due = new TimeSpan(ticks);
        var interval = _interval[probe];
        var behind = (elapsed.Ticks - ticks) / interval;
        _next[probe] = ticks + (behind + 1) * interval;
        _due.DequeueEnqueue(probe, _next[probe]);
        return true;
    }

    private static ulong Hash(string key) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
