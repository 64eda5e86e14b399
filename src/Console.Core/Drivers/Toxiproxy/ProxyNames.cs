using System.Text.RegularExpressions;

namespace OpsConsole.Core.Drivers.Toxiproxy;

/// <summary>A way between two sites, as a proxy's name tells it.</summary>
/// <param name="Service">empty where names do not tell</param>
internal sealed record ProxiedLink(string Proxy, string From, string To, string Service);

/// <summary>Reads proxies' names by a pattern such as <c>{from}.{to}.{service}</c>.</summary>
internal sealed class ProxyNames(string pattern)
{
    private readonly Regex _regex = new("^" + Regex.Escape(pattern).Replace(@"\{from}", "(?<from>[A-Za-z0-9_-]+)", StringComparison.Ordinal)
        .Replace(@"\{to}", "(?<to>[A-Za-z0-9_-]+)", StringComparison.Ordinal).Replace(@"\{service}", "(?<service>[A-Za-z0-9_-]+)", StringComparison.Ordinal) + "$",
        RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(100));

    /// <summary>Null when the name tells of no link.</summary>
    public ProxiedLink? Read(string proxy) => _regex.Match(proxy) is { Success: true } match
        ? new ProxiedLink(proxy, match.Groups["from"].Value, match.Groups["to"].Value, match.Groups["service"].Value) : null;
}
