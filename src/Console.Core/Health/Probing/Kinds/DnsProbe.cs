using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>DNS: <c>name</c> or <c>name@server[:port]</c>; without a server the first of /etc/resolv.conf. One A query by UDP, so that no
/// resolver library blocks a thread. Succeeds with at least one answer.</summary>
internal sealed class DnsProbe : IProbe
{
    private readonly byte[] _query;
    private readonly TcpTarget _server;
    private readonly Names _names;
    private readonly TimeProvider _time;

    public DnsProbe(ProbeSpec spec, Names names, TimeProvider time)
    {
        _names = names;
        _time = time;
        var at = spec.Target.IndexOf('@', StringComparison.Ordinal);
        _query = Query(at < 0 ? spec.Target : spec.Target[..at]);
        _server = TcpTarget.Parse(at < 0 ? SystemServer() : spec.Target[(at + 1)..], 53);
    }

    public async ValueTask<ProbeResult> RunAsync(CancellationToken timeout)
    {
        var began = _time.GetTimestamp();
        var address = await _names.ResolveAsync(_server.Host, timeout);
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(new IPEndPoint(address, _server.Port), timeout);
        RandomNumberGenerator.Fill(_query.AsSpan(0, 2));
        await socket.SendAsync(_query, timeout);
        var answer = new byte[1500];
        while (true)
        {
            var length = await socket.ReceiveAsync(answer, timeout);
            if (length < 12 || answer[0] != _query[0] || answer[1] != _query[1])
                continue;
            var micros = ProbeResult.Micros(_time.GetElapsedTime(began));
            var problem = Problem(answer[3] & 0x0F, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(6)));
            return new ProbeResult(problem is null ? ProbeOutcome.Success : ProbeOutcome.Failure, micros, 0, problem);
        }
    }

    private static string? Problem(int code, int answers) => code switch
    {
        0 when answers > 0 => null,
        0 => "no address for the name",
        2 => "the name server failed (SERVFAIL)",
        3 => "the name does not exist (NXDOMAIN)",
        5 => "the name server refused",
        _ => $"DNS error {code}",
    };

    private static byte[] Query(string name)
    {
        var query = new List<byte> { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
        foreach (var label in name.TrimEnd('.').Split('.'))
        {
            var bytes = Encoding.ASCII.GetBytes(label);
            if (bytes.Length is 0 or > 63)
                throw new FormatException($"'{name}' is not a DNS name.");
            query.Add((byte)bytes.Length);
            query.AddRange(bytes);
        }
        query.AddRange([0, 0, 1, 0, 1]);
        return [.. query];
    }

    private static string SystemServer() =>
        File.ReadLines("/etc/resolv.conf").Select(l => l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            .FirstOrDefault(l => l is ["nameserver", ..])?[1] ?? "127.0.0.1";
}
