using System.Buffers;
using System.Net.Sockets;
using System.Threading.Channels;

namespace OpsConsole.Sandbox.Network;

/// <summary>One direction of one connection. Bytes without delay go straight from socket to socket; delayed ones wait in a queue,
/// each chunk with the time at which it is due. Due times never go back, so jitter does not reorder.</summary>
internal sealed class Pump(Socket from, Socket to, Func<LinkConditions> conditions, TimeProvider time, Action reset)
{
    private const int BufferSize = 16 * 1024;
    // What may be on its way at once: with 16 KB chunks the window of a fast, far link.
    private const int MaxChunks = 512;
    // Less than this is not worth a timer, whose resolution is a millisecond.
    private static readonly TimeSpan Negligible = TimeSpan.FromMilliseconds(0.5);

    private readonly Channel<Chunk> _queue = Channel.CreateBounded<Chunk>(
        new BoundedChannelOptions(MaxChunks) { SingleReader = true, SingleWriter = true });
    private int _waiting;
    private long _due;
    private long _lineFree;
    private long _sent;

    private readonly record struct Chunk(byte[] Buffer, int Length, long Due);

    internal Task RunAsync(CancellationToken cancel) => Task.WhenAll(GuardAsync(ReadAsync(cancel)), GuardAsync(WriteAsync(cancel)));

    // A failure of one half ends the connection at once; the other half would wait for ever.
    private async Task GuardAsync(Task half)
    {
        try
        {
            await half;
        }
        catch
        {
            reset();
            throw;
        }
    }

    private async Task ReadAsync(CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (true)
            {
                var read = await from.ReceiveAsync(buffer.AsMemory(0, ReadSize(conditions())), SocketFlags.None, cancel);
                if (read == 0)
                {
                    break;
                }

                var now = conditions();
                if (now.Silent)
                {
                    continue;
                }
                if (now.Limit is { } limit && (_sent += read) > limit)
                {
                    reset();
                    return;
                }
                if (now.IsDirect && Volatile.Read(ref _waiting) == 0)
                {
                    await SendAsync(buffer.AsMemory(0, read), cancel);
                }
                else
                {
                    buffer = await EnqueueAsync(buffer, read, now, cancel);
                }
            }
            await Task.Delay(conditions().CloseDelay, time, cancel);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            _queue.Writer.TryComplete();
        }
    }

    // Small pieces on a slow line, so that it does not go in bursts.
    private static int ReadSize(LinkConditions now) =>
        now.Rate is { } rate ? (int)Math.Clamp(rate / 20, 128, BufferSize) : BufferSize;

    private async Task<byte[]> EnqueueAsync(byte[] buffer, int read, LinkConditions now, CancellationToken cancel)
    {
        var due = Schedule(read, now);
        Interlocked.Increment(ref _waiting);
        if (read <= BufferSize / 4)
        {
            var small = ArrayPool<byte>.Shared.Rent(read);
            buffer.AsSpan(0, read).CopyTo(small);
            await _queue.Writer.WriteAsync(new Chunk(small, read, due), cancel);
        }
        else
        {
            await _queue.Writer.WriteAsync(new Chunk(buffer, read, due), cancel);
            buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        }

        // A throttled line takes no more than it will carry in the next second.
        var ahead = time.GetElapsedTime(time.GetTimestamp(), _lineFree);
        if (now.Rate is not null && ahead > TimeSpan.FromSeconds(1))
        {
            await Task.Delay(ahead - TimeSpan.FromSeconds(1), time, cancel);
        }
        return buffer;
    }

    private long Schedule(int bytes, LinkConditions now)
    {
        var at = time.GetTimestamp();
        var delay = now.Delay + ((Random.Shared.NextDouble() * 2 - 1) * now.Jitter);
        if (now.Rate is { } rate)
        {
            at = _lineFree = Math.Max(at, _lineFree) + Ticks(TimeSpan.FromSeconds(bytes / rate));
        }
        return _due = Math.Max(_due, at + Ticks(delay > TimeSpan.Zero ? delay : TimeSpan.Zero));
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);

    private async Task WriteAsync(CancellationToken cancel)
    {
        await foreach (var chunk in _queue.Reader.ReadAllAsync(cancel))
        {
            // Timers take whole milliseconds and may end one early: what is left then is waited for, so that nothing arrives too soon.
            for (var left = Left(chunk); left > Negligible; left = Left(chunk))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Max(1, Math.Floor(left.TotalMilliseconds))), time, cancel);
            }
            if (!conditions().Silent)
            {
                await SendAsync(chunk.Buffer.AsMemory(0, chunk.Length), cancel);
            }
            ArrayPool<byte>.Shared.Return(chunk.Buffer);
            Interlocked.Decrement(ref _waiting);
        }
        to.Shutdown(SocketShutdown.Send);
    }

    private TimeSpan Left(Chunk chunk) => time.GetElapsedTime(time.GetTimestamp(), chunk.Due);

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await to.SendAsync(bytes, SocketFlags.None, cancel)..];
        }
    }
}
