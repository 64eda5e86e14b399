using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace OpsConsole.Core.Health.Probing.Net;

/// <summary><c>host:port</c>, <c>[v6]:port</c>.</summary>
public readonly record struct TcpTarget(string Host, int Port)
{
    /// <exception cref="FormatException">not of that form</exception>
    public static TcpTarget Parse(string text, int? defaultPort = null)
    {
        var colon = text.LastIndexOf(':');
        if (colon > 0 && colon > text.LastIndexOf(']') && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536)
            return new(text[..colon].Trim('[', ']'), port);
        return defaultPort is { } p && text.Length > 0 ? new(text.Trim('[', ']'), p) : throw new FormatException($"'{text}' is not host:port.");
    }

    /// <summary>A new connection. The caller disposes it.</summary>
    public async ValueTask<Socket> ConnectAsync(Names names, CancellationToken cancel)
    {
        var address = await names.ResolveAsync(Host, cancel);
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, Port), cancel);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
