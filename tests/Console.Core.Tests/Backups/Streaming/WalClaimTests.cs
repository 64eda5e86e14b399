using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Files;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Tests.Backups.Streaming;

/// <summary>What the stream says is stored, held against what is there at that very moment.</summary>
public sealed class WalClaimTests
{
    private const int Segment = 4 << 20;

    [Fact]
    public async Task Stored_WhileTheLogComesQuickly_NeverSaysMoreThanIsThere()
    {
        var root = Directory.CreateTempSubdirectory("opsconsole-claims-").FullName;
        using var store = new FileStore("near", root);
        var (claims, wrong) = (0, new List<string>());
        var connection = new QuickLog(segments: 60);
        WalStream? stream = null;
        stream = new WalStream(new ClusterOptions { Id = "orders" }, connection, [store], new KeyRing([BackupKey.Generate("k1")]), new WalStreamOptions { PartialSeconds = 0.5 }, TimeProvider.System, NullLogger.Instance)
        {
            Stored = (timeline, upTo) =>
            {
                claims++;
                for (var n = 0UL; n < upTo.Value / Segment; n++)
                    if (!File.Exists(Path.Combine(root, WalNames.Whole("orders", timeline, WalNames.FileName(timeline, n, Segment))))) wrong.Add($"{upTo} without segment {n}");
                connection.Taken(upTo);
                return Task.CompletedTask;
            },
        };

        await stream.RunAsync(new WalPosition(0), TestContext.Current.CancellationToken);

        Assert.True(claims > 30, $"only {claims} claims");
        Assert.Empty(wrong);
        Directory.Delete(root, recursive: true);
    }

    /// <summary>A server that writes in large pieces as soon as a segment is stored: while the next piece is being chosen.</summary>
    private sealed class QuickLog(int segments) : IWalConnection
    {
        private readonly SemaphoreSlim _room = new(0);
        private long _stored;

        public string SystemIdentifier => "1";
        public int Timeline => 1;
        public int SegmentBytes => Segment;
        public WalPosition Position => new(0);

        public void Taken(WalPosition upTo)
        {
            Interlocked.Exchange(ref _stored, (long)upTo.Value);
            _room.Release();
        }

        public Task<byte[]> HistoryAsync(int timeline, CancellationToken cancel) => Task.FromResult(Array.Empty<byte>());

        public async IAsyncEnumerable<WalChunk> StreamAsync(WalPosition from, int timeline, [EnumeratorCancellation] CancellationToken cancel)
        {
            var data = new byte[Segment * 3 / 2];
            for (var at = from.Value; at < (ulong)segments * Segment; at += (ulong)data.Length)
            {
                while ((long)at - Interlocked.Read(ref _stored) > Segment / 2) await _room.WaitAsync(cancel);
                yield return new WalChunk(new WalPosition(at), data);
            }
        }

        public ValueTask DisposeAsync()
        {
            _room.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
