using System.Diagnostics;
using System.Text;

namespace OpsConsole.Bench.Circuits;

/// <summary>Waits until every circuit received a batch that holds the expected word.</summary>
internal sealed class ChangeWatch
{
    private readonly Lock _lock = new();
    private byte[] _word = [];
    private long _started;
    private int _outstanding;
    private TaskCompletionSource _all = new();
    private readonly HashSet<object> _seen = [];

    public List<double> Latencies { get; } = [];

    public void Expect(string word, int circuits)
    {
        lock (_lock)
        {
            (_word, _started, _outstanding, _all) = (Encoding.UTF8.GetBytes(word), 0, circuits, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
            _seen.Clear();
        }
    }

    public void Start()
    {
        lock (_lock) _started = Stopwatch.GetTimestamp();
    }

    public void Seen(Circuit circuit, ReadOnlyMemory<byte> batch)
    {
        if (batch.Span.IndexOf(_word) < 0) return;
        lock (_lock)
        {
            if (_started == 0 || !_seen.Add(circuit)) return;
            Latencies.Add(Stopwatch.GetElapsedTime(_started).TotalMilliseconds);
            if (--_outstanding == 0) _all.TrySetResult();
        }
    }

    /// <summary>How many circuits did not show the change in time.</summary>
    public async Task<int> WaitAsync(TimeSpan limit)
    {
        await Task.WhenAny(_all.Task, Task.Delay(limit));
        lock (_lock) return _outstanding;
    }

    /// <param name="latencies">in order; <paramref name="share"/> 0 to 1</param>
    public static double Percentile(IReadOnlyList<double> latencies, double share) => latencies.Count == 0 ? double.NaN : latencies[(int)Math.Min(latencies.Count - 1, latencies.Count * share)];
}
