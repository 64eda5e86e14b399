using System.Buffers;
using Amazon.S3;
using Amazon.S3.Model;

namespace OpsConsole.Core.Drivers.S3;

/// <summary>The parts of one upload. The client repeats a part that fails in passing, so that hours of upload do not hang on one connection.</summary>
internal sealed class S3Parts(AmazonS3Client client, string bucket, string key, string upload, bool unsignedBodies, int atOnce)
{
    /// <summary>Also the size up to which an object is put in one piece.</summary>
    public const int Smallest = 16 * 1024 * 1024;
    private readonly List<Task<PartETag>> _running = [];
    private readonly List<PartETag> _done = [];

    /// <summary>In the order of their numbers, when the upload has ended.</summary>
    public List<PartETag> Done => [.. _done.OrderBy(p => p.PartNumber)];

    /// <summary>A store takes 10,000 parts: growing ones make room for about 1.2 TB without asking much memory for small backups.</summary>
    private static int SizeOf(int number) => number switch { <= 2000 => Smallest, <= 6000 => 4 * Smallest, _ => 16 * Smallest };

    /// <param name="first">the first part, which is full; the caller keeps the array</param>
    public async Task<long> UploadAsync(byte[] first, Stream content, CancellationToken cancel)
    {
        try
        {
            _running.Add(PartAsync(1, first, Smallest, cancel));
            var size = (long)Smallest;
            for (var number = 2; ; number++)
            {
                var most = SizeOf(number);
                var bytes = ArrayPool<byte>.Shared.Rent(most);
                var length = 0;
                try
                {
                    length = await content.ReadAtLeastAsync(bytes.AsMemory(0, most), most, throwOnEndOfStream: false, cancel);
                }
                finally
                {
                    if (length == 0) ArrayPool<byte>.Shared.Return(bytes);
                }
                if (length == 0) break;
                await RoomAsync();
                _running.Add(RentedPartAsync(number, bytes, length, cancel));
                size += length;
                if (length < most) break;
            }
            _done.AddRange(await Task.WhenAll(_running));
            return size;
        }
        catch
        {
            // The arrays are in use until the last part has stopped.
            await Task.WhenAll(_running.Select(t => t.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default)));
            throw;
        }
    }

    private async Task RoomAsync()
    {
        while (_running.Count >= atOnce)
        {
            var ended = await Task.WhenAny(_running);
            _done.Add(await ended);
            _running.Remove(ended);
        }
    }

    private async Task<PartETag> RentedPartAsync(int number, byte[] bytes, int length, CancellationToken cancel)
    {
        try
        {
            return await PartAsync(number, bytes, length, cancel);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private async Task<PartETag> PartAsync(int number, byte[] bytes, int length, CancellationToken cancel)
    {
        await Task.Yield();
        var crc = S3Store.Crc(bytes, length);
        using var body = new MemoryStream(bytes, 0, length);
        var answer = await client.UploadPartAsync(
            new UploadPartRequest
            {
                BucketName = bucket, Key = key, UploadId = upload, PartNumber = number, PartSize = length, InputStream = body,
                UseChunkEncoding = false, DisablePayloadSigning = unsignedBodies, ChecksumAlgorithm = ChecksumAlgorithm.CRC32, ChecksumCRC32 = crc,
            },
            cancel);
        return new PartETag(number, answer.ETag) { ChecksumCRC32 = crc };
    }
}
