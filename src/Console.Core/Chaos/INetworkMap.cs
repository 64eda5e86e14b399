using System.Diagnostics.CodeAnalysis;

namespace OpsConsole.Core.Chaos;

/// <summary>A way from one site to a service of another, which the network's driver can disturb.</summary>
/// <param name="Service">empty: all of them</param>
public sealed record NetworkLink(string From, string To, string Service)
{
    /// <summary>As a fault's target: <c>link:FROM>TO/SERVICE</c>.</summary>
    public string Target => Service.Length == 0 ? $"link:{From}>{To}" : $"link:{From}>{To}/{Service}";

    public static bool TryParse(string target, [NotNullWhen(true)] out NetworkLink? link)
    {
        link = null;
        if (!target.StartsWith("link:", StringComparison.Ordinal) || target["link:".Length..].Split('>') is not [{ Length: > 0 } from, { Length: > 0 } rest]) return false;
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        link = slash < 0 ? new NetworkLink(from, rest, "") : new NetworkLink(from, rest[..slash], rest[(slash + 1)..]);
        return link.To.Length > 0;
    }
}

/// <summary>Which ways can be disturbed; owned by Chaos, known by the network's driver.</summary>
public interface INetworkMap
{
    /// <summary>In a stable order. Empty where nothing is configured.</summary>
    /// <exception cref="FaultException">the network's driver does not answer</exception>
    Task<IReadOnlyList<NetworkLink>> LinksAsync(CancellationToken cancel);
}
