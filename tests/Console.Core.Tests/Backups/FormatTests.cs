using OpsConsole.Core.Backups.Format;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>The stored form of a backup (docs/backup-format.md): what was written comes back, and nothing else ever does.</summary>
public sealed class FormatTests
{
    private const string Name = "orders/backups/1/base.ocb";
    private const int Frame = 1024;
    private static readonly BackupKey Key = BackupKey.Generate("k1");
    private static readonly KeyRing Keys = new([Key]);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Frame - 1)]
    [InlineData(Frame)]
    [InlineData(Frame + 1)]
    [InlineData((5 * Frame) + 17)]
    public async Task Object_OfAnyLength_ComesBack(int length)
    {
        var content = Content(length);
        var read = await ReadAsync(await WriteAsync(content), Keys, Name);

        Assert.Equal(content, read);
    }

    [Fact]
    public async Task Object_WrittenInManyPieces_IsTheSame()
    {
        var content = Content(10_000);
        var stored = new MemoryStream();
        using var writer = new FrameWriter(Key, StreamCompression.Zstd, Name, Into(stored), Frame);
        foreach (var piece in content.Chunk(777)) await writer.WriteAsync(piece, default);
        var hash = await writer.CompleteAsync(default);

        Assert.Equal(content, await ReadAsync(stored.ToArray(), Keys, Name));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stored.ToArray())), hash);
        Assert.Equal(content.Length, writer.PlainBytes);
        Assert.Equal(stored.Length, writer.StoredBytes);
    }

    /// <summary>Bits flipped, ends cut, frames swapped, repeated, left out, taken from another object, bytes appended or inserted: 10,000 tries, each found.</summary>
    [Fact]
    public async Task Object_TamperedWith_IsNeverRead()
    {
        var (content, other) = (Content(9 * Frame), Content(9 * Frame));
        var (stored, foreign) = (await WriteAsync(content), await WriteAsync(other));
        var header = stored.Length - (9 * (Frame + 20));
        var random = new Random(20261123);
        var unseen = new List<string>();
        for (var attempt = 0; attempt < 10_000; attempt++)
        {
            var (what, altered) = Tamper(stored, foreign, header, random);
            if (altered.AsSpan().SequenceEqual(stored)) continue;
            try
            {
                await ReadAsync(altered, Keys, Name);
                unseen.Add(what);
            }
            catch (Exception e) when (e is DamagedBackupException or BackupKeyException)
            {
                continue;
            }
        }

        Assert.Empty(unseen);
    }

    [Fact]
    public async Task Object_UnderAnotherName_IsRefused()
    {
        var stored = await WriteAsync(Content(5000));

        var refusal = await Assert.ThrowsAsync<DamagedBackupException>(() => ReadAsync(stored, Keys, "orders/backups/2/base.ocb"));

        Assert.Contains("another object", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Object_OfAnUnfinishedWriter_IsCutOff()
    {
        var stored = new MemoryStream();
        using var writer = new FrameWriter(Key, StreamCompression.None, Name, Into(stored), Frame);
        await writer.WriteAsync(Content(4 * Frame), default);

        var refusal = await Assert.ThrowsAsync<DamagedBackupException>(() => ReadAsync(stored.ToArray(), Keys, Name));

        Assert.Contains("cut off", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_Rotated_ReadOldAndNew()
    {
        var old = await WriteAsync(Content(100));
        var newer = BackupKey.Generate("k2");
        var ring = new KeyRing([newer, Key]);

        Assert.Equal("k2", ring.Current.Id);
        Assert.Equal(100, (await ReadAsync(old, ring, Name)).Length);
        Assert.Equal(100, (await ReadAsync(await WriteAsync(Content(100), newer), ring, Name)).Length);
    }

    [Fact]
    public async Task Key_Lost_IsNamed()
    {
        var stored = await WriteAsync(Content(100));

        var lost = await Assert.ThrowsAsync<BackupKeyException>(() => ReadAsync(stored, new KeyRing([BackupKey.Generate("k7")]), Name));

        Assert.Contains("under the key k1", lost.Message, StringComparison.Ordinal);
        Assert.Contains(Key.FingerprintText, lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_OfTheSameIdButAnother_IsToldApart()
    {
        var stored = await WriteAsync(Content(100));

        var wrong = await Assert.ThrowsAsync<BackupKeyException>(() => ReadAsync(stored, new KeyRing([BackupKey.Generate("k1")]), Name));

        Assert.Contains("is not the one", wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("k1 {0}\n# older\nk0 {1}", "k1", 2)]
    [InlineData("{0}\n", "default", 1)]
    public void KeyFile_WithOrWithoutIds_IsRead(string form, string current, int count)
    {
        var ring = KeyRing.Parse(string.Format(System.Globalization.CultureInfo.InvariantCulture, form, Key.ToBase64(), BackupKey.Generate("x").ToBase64()));

        Assert.Equal(current, ring.Current.Id);
        Assert.Equal(count, ring.Ids.Count);
    }

    [Theory]
    [InlineData("", "no backup key")]
    [InlineData("k1 c2hvcnQ=", "not 32 bytes")]
    [InlineData("k1 {0}\nk1 {0}", "given twice")]
    public void KeyFile_Wrong_SaysHowToMend(string text, string part)
    {
        var mistake = Assert.Throws<BackupKeyException>(() => KeyRing.Parse(text.Replace("{0}", Key.ToBase64(), StringComparison.Ordinal)));

        Assert.Contains(part, mistake.Message, StringComparison.Ordinal);
    }

    private static (string What, byte[] Altered) Tamper(byte[] stored, byte[] foreign, int header, Random random)
    {
        const int Whole = Frame + 20;
        var copy = stored.ToArray();
        Span<byte> FrameOf(byte[] of, int n) => of.AsSpan(header + (n * Whole), Whole);
        var (a, b) = (random.Next(9), random.Next(9));
        switch (random.Next(9))
        {
            case 0:
                var at = random.Next(copy.Length);
                copy[at] ^= (byte)(1 << random.Next(8));
                return ($"bit flipped at {at}", copy);
            case 1:
                var length = random.Next(copy.Length);
                return ($"cut to {length}", copy[..length]);
            case 2:
                FrameOf(stored, a).CopyTo(FrameOf(copy, b));
                FrameOf(stored, b).CopyTo(FrameOf(copy, a));
                return ($"frames {a} and {b} swapped", copy);
            case 3:
                FrameOf(stored, a).CopyTo(FrameOf(copy, b));
                return ($"frame {a} in the place of {b}", copy);
            case 4:
                return ($"frame {a} left out", [.. stored.AsSpan(0, header + (a * Whole)), .. stored.AsSpan(header + ((a + 1) * Whole))]);
            case 5:
                return ($"frame {a} repeated", [.. stored.AsSpan(0, header + (a * Whole)), .. stored.AsSpan(header + (b * Whole))]);
            case 6:
                FrameOf(foreign, a).CopyTo(FrameOf(copy, a));
                return ($"frame {a} of another object", copy);
            case 7:
                return ("bytes appended", [.. stored, .. foreign.AsSpan(foreign.Length - random.Next(1, 2 * Whole))]);
            default:
                var cut = random.Next(stored.Length);
                return ($"a byte inserted at {cut}", [.. stored.AsSpan(0, cut), (byte)random.Next(256), .. stored.AsSpan(cut)]);
        }
    }

    private static byte[] Content(int length)
    {
        var bytes = new byte[length];
        Random.Shared.NextBytes(bytes);
        return bytes;
    }

    private static Func<SharedFrame, CancellationToken, ValueTask> Into(MemoryStream stored) => (frame, _) =>
    {
        stored.Write(frame.Bytes.Span);
        frame.Release();
        return ValueTask.CompletedTask;
    };

    private static async Task<byte[]> WriteAsync(byte[] content, BackupKey? key = null)
    {
        var stored = new MemoryStream();
        using var writer = new FrameWriter(key ?? Key, StreamCompression.None, Name, Into(stored), Frame);
        await writer.WriteAsync(content, default);
        await writer.CompleteAsync(default);
        return stored.ToArray();
    }

    private static async Task<byte[]> ReadAsync(byte[] stored, KeyRing keys, string name)
    {
        await using var reader = await FrameStream.OpenAsync(new MemoryStream(stored), keys, name);
        var content = new MemoryStream();
        await reader.CopyToAsync(content);
        return content.ToArray();
    }
}
