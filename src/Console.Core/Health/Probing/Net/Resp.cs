using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace OpsConsole.Core.Health.Probing.Net;

/// <summary>As much of the Redis protocol (RESP2) as a check needs, on a connection of its own.</summary>
internal sealed class Resp : IDisposable
{
    private readonly Socket _socket;
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    private Resp(Socket socket) => _socket = socket;

    /// <summary>Connects and, with a password, authenticates.</summary>
    public static async ValueTask<Resp> ConnectAsync(TcpTarget target, string username, string password, Names names, CancellationToken cancel)
    {
        var connection = new Resp(await target.ConnectAsync(names, cancel));
        try
        {
            if (password.Length > 0)
                await (username.Length > 0 ? connection.CallAsync(cancel, "AUTH", username, password) : connection.CallAsync(cancel, "AUTH", password));
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <returns>the reply as text; null for nil; an array as its elements, one per line</returns>
    /// <exception cref="InvalidDataException">an error reply, or not RESP</exception>
    public async ValueTask<string?> CallAsync(CancellationToken cancel, params string[] command)
    {
        var request = new StringBuilder().Append('*').Append(command.Length).Append("\r\n");
        foreach (var part in command)
            request.Append('$').Append(Encoding.UTF8.GetByteCount(part)).Append("\r\n").Append(part).Append("\r\n");
        await _socket.SendAsync(Encoding.UTF8.GetBytes(request.ToString()), cancel);
        return await ReadAsync(cancel);
    }

    private async ValueTask<string?> ReadAsync(CancellationToken cancel)
    {
        var line = await LineAsync(cancel);
        switch (line[0])
        {
            case '+' or ':':
                return line[1..];
            case '-':
                throw new InvalidDataException($"Redis: {line[1..]}");
            case '$':
                var length = Number(line);
                return length < 0 ? null : await BulkAsync(length, cancel);
            case '*':
                var parts = new List<string>();
                for (var count = Number(line); count > 0; count--)
                    parts.Add(await ReadAsync(cancel) ?? "");
                return string.Join('\n', parts);
            default:
                throw new InvalidDataException("not a Redis answer");
        }
    }

    private static int Number(string line) =>
        int.TryParse(line.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw new InvalidDataException("not a Redis answer");

    private async ValueTask<string> LineAsync(CancellationToken cancel)
    {
        int end;
        while ((end = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n"u8)) < 0)
            await FillAsync(cancel);
        var line = Encoding.UTF8.GetString(_buffer, _start, end);
        _start += end + 2;
        return line.Length > 0 ? line : throw new InvalidDataException("not a Redis answer");
    }

    private async ValueTask<string> BulkAsync(int length, CancellationToken cancel)
    {
        while (_end - _start < length + 2)
            await FillAsync(cancel);
        var text = Encoding.UTF8.GetString(_buffer, _start, length);
        _start += length + 2;
        return text;
    }

    private async ValueTask FillAsync(CancellationToken cancel)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }
        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, _buffer.Length <= 512 * 1024 ? _buffer.Length * 2 : throw new InvalidDataException("the Redis answer exceeds 1 MiB"));
        var read = await _socket.ReceiveAsync(_buffer.AsMemory(_end), cancel);
        if (read == 0)
            throw new EndOfStreamException();
        _end += read;
    }
}
