namespace OpsConsole.Core.Chaos;

/// <summary>The client with which injectors speak to switches and proxies: short waits, no proxy of the environment in between.</summary>
public sealed class FaultHttp : IDisposable
{
    public HttpClient Client { get; } = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(2), PooledConnectionLifetime = TimeSpan.FromMinutes(2) })
    {
        Timeout = TimeSpan.FromSeconds(5),
        DefaultRequestHeaders = { { "User-Agent", "opsconsole" } },
    };

    public void Dispose() => Client.Dispose();
}
