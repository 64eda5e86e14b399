using System.Text.Json.Nodes;
using Amazon.Runtime;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Drivers.Aws;
using OpsConsole.Core.Fleet;
using OpsConsole.Sandbox.Network;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>Keys that a key service wrapped: against a small server that answers as the service's documentation says.</summary>
public sealed class KmsKeysTests : IAsyncDisposable
{
    private readonly BackupKey _key = BackupKey.Generate("k1");
    private readonly FakeTimeProvider _clock = new();
    private WebApplication? _service;
    private bool _disabled;

    [Fact]
    public async Task Ring_WithAWrappedKey_ReadsWhatItEncrypted()
    {
        var keys = await KeysAsync("k1");

        var ring = await keys.RingAsync(TestContext.Current.CancellationToken);

        Assert.Equal(_key.FingerprintText, ring.Current.FingerprintText);
    }

    [Fact]
    public async Task Ring_WithAKeyWrappedForAnotherId_SaysWhatToCheck()
    {
        var keys = await KeysAsync("k2");

        var refusal = await Assert.ThrowsAsync<BackupKeyException>(() => keys.RingAsync(TestContext.Current.CancellationToken));

        Assert.Contains("encryption context opsconsole-backup-key=k2", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trouble_KeyIsDisabledLater_IsToldADayLaterAtTheLatestWhileTheRingStays()
    {
        var keys = await KeysAsync("k1");
        await keys.RingAsync(TestContext.Current.CancellationToken);
        Assert.Null(await keys.TroubleAsync(TestContext.Current.CancellationToken));
        _disabled = true;
        _clock.Advance(TimeSpan.FromHours(23));
        Assert.Null(await keys.TroubleAsync(TestContext.Current.CancellationToken)); // not asked

        _clock.Advance(TimeSpan.FromHours(2));
        Assert.Contains("Backups go on with the key in memory", await keys.TroubleAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(_key.FingerprintText, (await keys.RingAsync(TestContext.Current.CancellationToken)).Current.FingerprintText);

        _disabled = false;
        Assert.Null(await keys.TroubleAsync(TestContext.Current.CancellationToken));
    }

    private async Task<DeclaredKeys> KeysAsync(string id)
    {
        _service = QuietWebApplication.Build([0]);
        _service.Run(AnswerAsync);
        await _service.StartAsync(TestContext.Current.CancellationToken);
        var address = _service.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        var fleet = new FleetModel(new FleetOptions { BackupKeys = [new BackupKeyOptions { Id = id, WrappedKey = Convert.ToBase64String("wrapped"u8), KmsRegion = "eu-west-1", KmsEndpoint = address }] });
        return new DeclaredKeys(fleet, new KmsKeys(() => new BasicAWSCredentials("id", "secret")), _clock);
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var asked = (await JsonNode.ParseAsync(http.Request.Body))!;
        var right = !_disabled && http.Request.Headers["X-Amz-Target"] == "TrentService.Decrypt" && (string?)asked["EncryptionContext"]?[KmsKeys.Context] == "k1" && (string?)asked["CiphertextBlob"] == Convert.ToBase64String("wrapped"u8);
        http.Response.ContentType = "application/x-amz-json-1.1";
        http.Response.StatusCode = right ? 200 : 400;
        await http.Response.WriteAsync(right
            ? new JsonObject { ["KeyId"] = "key", ["Plaintext"] = _key.ToBase64() }.ToJsonString()
            : """{"__type":"InvalidCiphertextException","message":"the ciphertext or its context is not right"}""");
    }

    public async ValueTask DisposeAsync()
    {
        if (_service is not null) await _service.DisposeAsync();
    }
}
