namespace OpsConsole.Core.Health.Telemetry;

/// <summary>A mergeable histogram with buckets that grow by 4 %: percentiles are true to ± 2 % over any range of values, and the
/// histogram of an hour is the sum of those of its minutes. Stored sparse, some dozen bytes for a typical minute. Zero and less share
/// the lowest bucket.</summary>
internal sealed class LogHistogram
{
    private const double Growth = 1.04;
    private const int Lowest = -530; // 1e-9
    private const int Highest = 900; // 2e15

    private static readonly double LogGrowth = Math.Log(Growth);

    private readonly int[] _counts = new int[Highest - Lowest + 1];
    private int _first = int.MaxValue;
    private int _last = -1;

    public long Count { get; private set; }

    public void Clear()
    {
        if (_last >= 0)
            Array.Clear(_counts, _first, _last - _first + 1);
        (_first, _last, Count) = (int.MaxValue, -1, 0);
    }

    public void Add(double value, int count = 1) => AddAt(BucketOf(value), count);

    /// <summary>Nearest rank; null when empty.</summary>
    public double? Percentile(double percent)
    {
        if (Count == 0)
            return null;
        var rank = Math.Max(1, (long)Math.Ceiling(Count * percent / 100));
        long seen = 0;
        for (var i = _first; i <= _last; i++)
        {
            seen += _counts[i];
            if (seen >= rank)
                return i == 0 ? 0 : Math.Exp((i + Lowest + 0.5) * LogGrowth);
        }
        return null;
    }

    /// <summary>Bucket distances and counts as variable-length integers.</summary>
    public byte[] ToBytes()
    {
        var bytes = new List<byte>();
        var previous = 0;
        for (var i = Math.Max(_first, 0); i <= _last; i++)
        {
            if (_counts[i] == 0)
                continue;
            Write(bytes, i - previous);
            Write(bytes, _counts[i]);
            previous = i;
        }
        return [.. bytes];
    }

    /// <summary>Adds a stored histogram to this one.</summary>
    public void Merge(ReadOnlySpan<byte> bytes)
    {
        var bucket = 0;
        while (!bytes.IsEmpty)
        {
            bucket += Read(ref bytes);
            AddAt(bucket, Read(ref bytes));
        }
    }

    private static int BucketOf(double value) =>
        value <= 1e-9 ? 0 : Math.Clamp((int)Math.Floor(Math.Log(value) / LogGrowth) - Lowest, 0, Highest - Lowest);

    private void AddAt(int bucket, int count)
    {
        _counts[bucket] += count;
        Count += count;
        _first = Math.Min(_first, bucket);
        _last = Math.Max(_last, bucket);
    }

    private static void Write(List<byte> bytes, int number)
    {
        var rest = (uint)number;
        for (; rest >= 0x80; rest >>= 7)
            bytes.Add((byte)(rest | 0x80));
        bytes.Add((byte)rest);
    }

    private static int Read(ref ReadOnlySpan<byte> bytes)
    {
        var (number, shift, at) = (0u, 0, 0);
        do
        {
            number |= (bytes[at] & 0x7Fu) << shift;
            shift += 7;
        }
        while (bytes[at++] >= 0x80);
        bytes = bytes[at..];
        return (int)number;
    }
}
