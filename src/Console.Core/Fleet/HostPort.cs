using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace OpsConsole.Core.Fleet;

/// <summary>Where something listens: a host name or address, and a port from 1 to 65535.</summary>
public sealed record HostPort(string Host, int Port)
{
    public static HostPort Parse(string text) =>
        TryParse(text, out var parsed) ? parsed : throw new FormatException($"\"{text}\" is not host:port.");

    public static bool TryParse(string text, [NotNullWhen(true)] out HostPort? parsed)
    {
        parsed = null;
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65_535)
            return false;
        var host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
            host = host[1..^1];
        else if (host.Contains(':'))
            return false;
        if (Uri.CheckHostName(host) is UriHostNameType.Unknown)
            return false;
        parsed = new HostPort(host, port);
        return true;
    }

    public override string ToString() => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
