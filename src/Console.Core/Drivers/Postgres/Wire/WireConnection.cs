using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Postgres.Wire;

/// <summary>What the server said about a refused statement or log-in.</summary>
public sealed class WireException(string message, string sqlState = "") : Exception(message)
{
    public string SqlState { get; } = sqlState;

    /// <summary>The server goes down or is not up yet (class 57P).</summary>
    public bool EndsTheServer => SqlState.StartsWith("57P", StringComparison.Ordinal);
}

/// <param name="Warned">the server sent a warning along: an acknowledged commit is then in doubt</param>
public sealed record WireAnswer(IReadOnlyList<IReadOnlyDictionary<string, string?>> Rows, bool Warned);

/// <summary>PostgreSQL's protocol with simple queries only. For two uses that a full client does not serve: PgBouncer's admin console
/// knows no other, and a probe must be able to drop a silent server at once, without asking it to cancel (a cancelled commit that
/// waits for its standbys would be acknowledged). Cancelling a call closes the socket.</summary>
public sealed class WireConnection : IDisposable
{
    private readonly Socket _socket;
    private Stream _stream;
    private byte[] _buffer = new byte[4096];

    private WireConnection(Socket socket) => (_socket, _stream) = (socket, new NetworkStream(socket));

    /// <exception cref="WireException">the log-in was refused</exception>
    /// <exception cref="IOException">it cannot be reached, or dropped the connection; <see cref="SocketException"/> likewise</exception>
    public static Task<WireConnection> OpenAsync(string address, string user, string password, string database, string application, CancellationToken cancel) =>
        OpenAsync(address, user, password, $"database\0{database}", application, encrypt: false, cancel);

    /// <summary>For physical replication: base backups. Encrypted when the server offers that, as <c>sslmode=prefer</c> has it.</summary>
    public static Task<WireConnection> OpenReplicationAsync(string address, string user, string password, string application, CancellationToken cancel) =>
        OpenAsync(address, user, password, "replication\0true", application, encrypt: true, cancel);

    private static async Task<WireConnection> OpenAsync(string address, string user, string password, string purpose, string application, bool encrypt, CancellationToken cancel)
    {
        var at = HostPort.Parse(address);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(at.Host, at.Port, cancel);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        var connection = new WireConnection(socket);
        try
        {
            if (encrypt) await connection.EncryptAsync(at.Host, cancel);
            await connection.StartAsync(user, password, purpose, application, cancel);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Runs one statement.</summary>
    /// <exception cref="WireException">the server refused it; the connection stays usable</exception>
    public async Task<WireAnswer> QueryAsync(string sql, CancellationToken cancel)
    {
        try
        {
            await SendAsync('Q', Encoding.UTF8.GetBytes(sql + "\0"), cancel);
            return await ReadAnswerAsync(cancel);
        }
        catch (Exception e) when (e is not WireException)
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Completes when the server says something unasked or ends the connection. For an idle connection; cancelling leaves it usable.</summary>
    public async Task HeardAsync(CancellationToken cancel) => await _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, cancel);

    private async Task<WireAnswer> ReadAnswerAsync(CancellationToken cancel)
    {
        var rows = new List<IReadOnlyDictionary<string, string?>>();
        string[] columns = [];
        WireException? refusal = null;
        var warned = false;
        while (true)
        {
            var (kind, body) = await ReadAsync(cancel);
            switch (kind)
            {
                case 'T':
                    columns = Columns(body.Span);
                    break;
                case 'D':
                    rows.Add(Row(columns, body.Span));
                    break;
                case 'E':
                    refusal = Refusal(body.Span);
                    break;
                case 'N':
                    warned |= Field(body.Span, (byte)'V') == "WARNING";
                    break;
                case 'Z':
                    return refusal is null ? new WireAnswer(rows, warned) : throw refusal;
                default:
                    break; // command tags, parameter changes, notifications
            }
        }
    }

    /// <summary>Asks for TLS; a server without it says N. Which certificate it has is not checked: prefer protects against listeners only.</summary>
    private async Task EncryptAsync(string host, CancellationToken cancel)
    {
        await _stream.WriteAsync(new byte[] { 0, 0, 0, 8, 4, 210, 22, 47 }, cancel);
        var answer = new byte[1];
        await _stream.ReadExactlyAsync(answer, cancel);
        if (answer[0] != 'S') return;
        var encrypted = new SslStream(_stream);
        _stream = encrypted;
#pragma warning disable CA5359 // as libpq does by default
        await encrypted.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host, RemoteCertificateValidationCallback = (_, _, _, _) => true }, cancel);
#pragma warning restore CA5359
    }

    private async Task StartAsync(string user, string password, string purpose, string application, CancellationToken cancel)
    {
        var body = Encoding.UTF8.GetBytes($"\0\u0003\0\0user\0{user}\0{purpose}\0application_name\0{application}\0client_encoding\0UTF8\0\0");
        var message = new byte[body.Length + 4];
        BinaryPrimitives.WriteInt32BigEndian(message, message.Length);
        body.CopyTo(message, 4);
        await _stream.WriteAsync(message, cancel);
        var scram = new ScramClient(password);
        while (true)
        {
            var (kind, answer) = await ReadAsync(cancel);
            if (kind == 'E') throw Refusal(answer.Span);
            if (kind == 'Z') return;
            if (kind == 'R') await AuthenticateAsync(scram, user, password, answer, cancel);
        }
    }

    private async Task AuthenticateAsync(ScramClient scram, string user, string password, Memory<byte> request, CancellationToken cancel)
    {
        var rest = request[4..];
        switch (BinaryPrimitives.ReadInt32BigEndian(request.Span))
        {
            case 0:
                return;
            case 3:
                await SendAsync('p', Encoding.UTF8.GetBytes(password + "\0"), cancel);
                return;
            case 5:
                await SendAsync('p', Encoding.ASCII.GetBytes("md5" + Md5([.. Encoding.ASCII.GetBytes(Md5(Encoding.UTF8.GetBytes(password + user))), .. rest.Span]) + "\0"), cancel);
                return;
            case 10:
                var first = Encoding.UTF8.GetBytes(scram.First);
                var length = new byte[4];
                BinaryPrimitives.WriteInt32BigEndian(length, first.Length);
                await SendAsync('p', [.. "SCRAM-SHA-256\0"u8, .. length, .. first], cancel);
                return;
            case 11:
                await SendAsync('p', Encoding.UTF8.GetBytes(scram.Final(Encoding.UTF8.GetString(rest.Span))), cancel);
                return;
            case 12:
                scram.Verify(Encoding.UTF8.GetString(rest.Span));
                return;
            case var other:
                throw new WireException($"The server asks for authentication method {other}, which is not supported here.");
        }
    }

    // The protocol's own choice of hash, only where the server still uses it.
#pragma warning disable CA5351
    private static string Md5(byte[] data) => Convert.ToHexStringLower(MD5.HashData(data));
#pragma warning restore CA5351

    internal async Task SendAsync(char kind, byte[] body, CancellationToken cancel)
    {
        var message = new byte[body.Length + 5];
        message[0] = (byte)kind;
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), body.Length + 4);
        body.CopyTo(message, 5);
        await _stream.WriteAsync(message, cancel);
    }

    /// <summary>The body is valid until the next read.</summary>
    internal async Task<(char Kind, Memory<byte> Body)> ReadAsync(CancellationToken cancel)
    {
        await _stream.ReadExactlyAsync(_buffer.AsMemory(0, 5), cancel);
        var kind = (char)_buffer[0];
        var length = BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(1)) - 4;
        if (length is < 0 or > 16 * 1024 * 1024) throw new IOException($"A message of {length} bytes: this is not PostgreSQL's protocol.");
        if (length > _buffer.Length) _buffer = new byte[length];
        await _stream.ReadExactlyAsync(_buffer.AsMemory(0, length), cancel);
        return (kind, _buffer.AsMemory(0, length));
    }

    internal static string[] Columns(ReadOnlySpan<byte> body)
    {
        var columns = new string[BinaryPrimitives.ReadInt16BigEndian(body)];
        body = body[2..];
        for (var i = 0; i < columns.Length; i++)
        {
            var end = body.IndexOf((byte)0);
            columns[i] = Encoding.UTF8.GetString(body[..end]);
            body = body[(end + 19)..];
        }
        return columns;
    }

    internal static Dictionary<string, string?> Row(string[] columns, ReadOnlySpan<byte> body)
    {
        var row = new Dictionary<string, string?>(columns.Length);
        body = body[2..];
        foreach (var column in columns)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(body);
            body = body[4..];
            row[column] = length < 0 ? null : Encoding.UTF8.GetString(body[..length]);
            body = body[Math.Max(0, length)..];
        }
        return row;
    }

    internal static WireException Refusal(ReadOnlySpan<byte> body) => new(Field(body, (byte)'M') ?? "refused", Field(body, (byte)'C') ?? "");

    private static string? Field(ReadOnlySpan<byte> body, byte wanted)
    {
        while (body.Length > 1)
        {
            var end = body.IndexOf((byte)0);
            if (body[0] == wanted) return Encoding.UTF8.GetString(body[1..end]);
            body = body[(end + 1)..];
        }
        return null;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }
}
