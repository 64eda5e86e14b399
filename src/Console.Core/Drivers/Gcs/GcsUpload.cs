using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Drivers.Gcs;

/// <summary>One resumable upload: chunks in order; after a failure in passing the store is asked how far it came, and the rest is sent.</summary>
internal sealed class GcsUpload(GcsHttp http, string store, Uri session, string name)
{
    private const int ChunkBytes = 16 * 1024 * 1024; // a multiple of 256 KiB, as the interface demands
    private const int Tries = 4;
    private const HttpStatusCode Incomplete = (HttpStatusCode)308;

    public async Task<long> SendAsync(Stream content, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            for (var offset = 0L; ;)
            {
                var length = await content.ReadAtLeastAsync(buffer.AsMemory(0, ChunkBytes), ChunkBytes, throwOnEndOfStream: false, cancel);
                var last = length < ChunkBytes;
                await ChunkAsync(buffer, length, offset, last ? offset + length : null, cancel);
                offset += length;
                if (last) return offset;
            }
        }
        catch
        {
            await AbandonAsync();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task ChunkAsync(byte[] buffer, int length, long offset, long? total, CancellationToken cancel)
    {
        var sent = 0;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Put, session) { Content = new ByteArrayContent(buffer, sent, length - sent) };
                request.Content.Headers.TryAddWithoutValidation("Content-Range", length == sent ? $"bytes */{total}" : $"bytes {offset + sent}-{offset + length - 1}/{(total is null ? "*" : $"{total}")}");
                using var answer = await http.TryAsync(request, cancel);
                if (answer.IsSuccessStatusCode) return;
                if (answer.StatusCode != Incomplete) throw await http.RefusalAsync(name, answer, cancel);
                sent = Received(answer, offset);
                if (sent == length && total is null) return;
            }
            catch (StoreException e) when (e.IsPassing && attempt < Tries)
            {
                sent = await AskAsync(offset, cancel) ?? length;
                if (sent == length && total is null) return;
            }
            if (attempt == Tries) throw new StoreException(store, StoreFailure.Unreachable, $"the upload of {name} does not get on.");
        }
    }

    /// <summary>How much of the chunk it has; null when the whole object is there.</summary>
    private async Task<int?> AskAsync(long offset, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, session) { Content = new ByteArrayContent([]) };
        request.Content.Headers.TryAddWithoutValidation("Content-Range", "bytes */*");
        using var answer = await http.TryAsync(request, cancel);
        return answer.StatusCode == Incomplete ? Received(answer, offset) : answer.IsSuccessStatusCode ? null : throw await http.RefusalAsync(name, answer, cancel);
    }

    private static int Received(HttpResponseMessage answer, long offset) =>
        answer.Headers.TryGetValues("Range", out var values) && RangeHeaderValue.TryParse(values.First(), out var range) && range.Ranges.First().To is { } to ? (int)Math.Max(0, to + 1 - offset) : 0;

    // An upload that nobody finishes disappears by itself after a week; this is only tidier.
    private async Task AbandonAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Delete, session);
            using var answer = await http.TryAsync(request, patience.Token);
        }
        catch (Exception e) when (e is StoreException or OperationCanceledException)
        {
            return;
        }
    }
}
