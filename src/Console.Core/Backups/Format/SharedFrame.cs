using System.Buffers;

namespace OpsConsole.Core.Backups.Format;

/// <summary>Stored bytes on their way to several stores. The array goes back to its pool when the last holder lets go.</summary>
public sealed class SharedFrame
{
    private byte[]? _array;
    private readonly int _length;
    private int _holders = 1;

    private SharedFrame(byte[] array, int length) => (_array, _length) = (array, length);

    public ReadOnlyMemory<byte> Bytes => _array.AsMemory(0, _length);

    internal static SharedFrame Rent(int length, out Memory<byte> content)
    {
        var array = ArrayPool<byte>.Shared.Rent(length);
        content = array.AsMemory(0, length);
        return new SharedFrame(array, length);
    }

    public void Hold() => Interlocked.Increment(ref _holders);

    public void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0 && Interlocked.Exchange(ref _array, null) is { } array) ArrayPool<byte>.Shared.Return(array);
    }
}
