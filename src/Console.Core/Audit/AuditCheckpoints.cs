using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Audit;

/// <summary>Signed statement that the chain had <paramref name="Sequence"/> entries with this head at this time.</summary>
/// <param name="PublicKey">SubjectPublicKeyInfo of the P-256 key that signed it.</param>
public sealed record AuditCheckpoint(DateTimeOffset At, long Sequence, byte[] Head, byte[] PublicKey, byte[] Signature)
{
    public static byte[] Statement(DateTimeOffset at, long sequence, byte[] head)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(number, sequence);
        return [.. Encoding.UTF8.GetBytes(AuditChain.Stamp(at)), .. number, .. head];
    }

    public bool HasValidSignature()
    {
        using var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(PublicKey, out _);
            return key.VerifyData(Statement(At, Sequence, Head), Signature, HashAlgorithmName.SHA256);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}

/// <summary>Configuration section <c>Audit</c>.</summary>
public sealed class AuditOptions
{
    public const string Section = "Audit";

    /// <summary>PEM file of the P-256 key that signs checkpoints; made (mode 0600) when it is missing. Empty: a key that lives as long as
    /// the process, which proves nothing against somebody who can write to the database.</summary>
    public string SigningKeyFile { get; set; } = "";

    /// <summary>How often a checkpoint is signed. 1 to 1,440 min.</summary>
    public int CheckpointMinutes { get; set; } = 60;
}

/// <summary>Signs the head of the chain every hour. A bare chain cannot show that its end was cut off; a checkpoint can.</summary>
public sealed partial class AuditCheckpoints(ConsoleDatabase database, IOptions<AuditOptions> options, TimeProvider clock, ILogger<AuditCheckpoints> logger) : BackgroundService
{
    private readonly Lazy<ECDsa> key = new(() => Key(options.Value.SigningKeyFile));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMinutes(options.Value.CheckpointMinutes), clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await SignAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is NpgsqlException or CryptographicException or IOException)
            {
                LogFailure(exception);
            }
        }
    }

    /// <summary>Nothing is written when the chain has not grown since the last checkpoint.</summary>
    public async Task SignAsync(CancellationToken cancel = default)
    {
        long sequence;
        byte[] head;
        await using (var read = database.App.CreateCommand("""
            SELECT sequence, hash FROM audit.entry WHERE sequence > coalesce((SELECT max(sequence) FROM audit.checkpoint), 0) ORDER BY sequence DESC LIMIT 1
            """))
        await using (var reader = await read.ExecuteReaderAsync(cancel))
        {
            if (!await reader.ReadAsync(cancel))
                return;
            (sequence, head) = (reader.GetInt64(0), reader.GetFieldValue<byte[]>(1));
        }
        var at = AuditChain.Truncate(clock.GetUtcNow());
        await using var command = database.App.CreateCommand("INSERT INTO audit.checkpoint (at, sequence, head, public_key, signature) VALUES (@at, @sequence, @head, @key, @signature)");
        command.Parameters.AddWithValue("at", at);
        command.Parameters.AddWithValue("sequence", sequence);
        command.Parameters.AddWithValue("head", head);
        command.Parameters.AddWithValue("key", key.Value.ExportSubjectPublicKeyInfo());
        command.Parameters.AddWithValue("signature", key.Value.SignData(AuditCheckpoint.Statement(at, sequence, head), HashAlgorithmName.SHA256));
        await command.ExecuteNonQueryAsync(cancel);
        LogSigned(sequence);
    }

    public static async Task<IReadOnlyList<AuditCheckpoint>> ReadAsync(ConsoleDatabase database, CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand("SELECT at, sequence, head, public_key, signature FROM audit.checkpoint ORDER BY sequence, at");
        var all = new List<AuditCheckpoint>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            all.Add(new AuditCheckpoint(reader.GetFieldValue<DateTimeOffset>(0), reader.GetInt64(1), reader.GetFieldValue<byte[]>(2), reader.GetFieldValue<byte[]>(3), reader.GetFieldValue<byte[]>(4)));
        return all;
    }

    public override void Dispose()
    {
        if (key.IsValueCreated)
            key.Value.Dispose();
        base.Dispose();
    }

    private static ECDsa Key(string file)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (file.Length == 0)
            return key;
        if (File.Exists(file))
        {
            key.ImportFromPem(File.ReadAllText(file));
            return key;
        }
        var open = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            open.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var stream = new FileStream(file, open);
        stream.Write(Encoding.ASCII.GetBytes(key.ExportECPrivateKeyPem()));
        return key;
    }

    [LoggerMessage(EventId = 5001, Level = LogLevel.Information, Message = "Audit checkpoint signed at entry {Sequence}")]
    private partial void LogSigned(long sequence);

    [LoggerMessage(EventId = 5002, Level = LogLevel.Error, Message = "The audit checkpoint could not be signed; the next one is tried at its time")]
    private partial void LogFailure(Exception exception);
}
