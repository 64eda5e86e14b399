using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using OpsConsole.Sandbox.Network;

namespace OpsConsole.Sandbox.Storage;

/// <summary>One store by itself, on a port that the system chooses.</summary>
public sealed class S3Server : IAsyncDisposable
{
    private readonly WebApplication _app;

    private S3Server(WebApplication app, ObjectStore store, AwsSignature signature, string secret)
    {
        (_app, Store, Signature, SecretKey) = (app, store, signature, secret);
        Address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
    }

    public string Address { get; }
    public string SecretKey { get; }
    public ObjectStore Store { get; }
    public AwsSignature Signature { get; }

    public static async Task<S3Server> StartAsync(string root, TimeProvider time, CancellationToken cancel)
    {
        Directory.CreateDirectory(root);
        var secret = Guid.NewGuid().ToString("N");
        var (store, signature) = (new ObjectStore(root, time), new AwsSignature(S3Api.AccessKey, secret));
        var api = new S3Api(store, signature);
        var app = QuietWebApplication.Build([0], b => b.WebHost.ConfigureKestrel(k => k.Limits.MaxRequestBodySize = null));
        app.Run(async http => await (await api.AnswerAsync(http)).ExecuteAsync(http));
        await app.StartAsync(cancel);
        return new S3Server(app, store, signature, secret);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
