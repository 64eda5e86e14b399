using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OpsConsole.Core.Tests;

/// <summary>A small HTTP server on loopback that answers by a function of path, headers and body.</summary>
internal sealed class FakeHttp : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Task _serving;

    private FakeHttp(Func<Request, (int Status, string Body)> answer)
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/");
        }
        _listener.Prefixes.Add(Address.ToString());
        _listener.Start();
        _serving = ServeAsync(answer);
    }

    public Uri Address { get; }

    public static FakeHttp Start(Func<Request, (int Status, string Body)> answer) => new(answer);

    private async Task ServeAsync(Func<Request, (int Status, string Body)> answer)
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            using var reader = new StreamReader(context.Request.InputStream);
            var (status, body) = answer(new Request(context.Request.Url!.AbsolutePath, context.Request.Headers, await reader.ReadToEndAsync()));
            context.Response.StatusCode = status;
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(body));
            context.Response.Close();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
        _listener.Close();
    }

    internal sealed record Request(string Path, System.Collections.Specialized.NameValueCollection Headers, string Body);
}
