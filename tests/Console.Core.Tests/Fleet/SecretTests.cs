using System.Net;
using Amazon.Runtime;
using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Drivers.Aws;
using OpsConsole.Core.Drivers.Vault;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;

namespace OpsConsole.Core.Tests.Fleet;

public sealed class SecretTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"secret-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void AddSecretFiles_ReadableFile_IsTheValueWithoutItsLineBreak()
    {
        File.WriteAllText(_file, "from-a-file\n");
        var configuration = BentFleet.Configuration($"-Clusters:0:Password;;Clusters:0:Password_FILE=\"{_file}\"");

        var reading = FleetConfiguration.Read(configuration);

        Assert.Empty(reading.Mistakes);
        Assert.Equal("from-a-file", reading.Options.Clusters[0].Password);
    }

    [Fact]
    public void EffectiveSettings_Secrets_AreHiddenWithTheirSource()
    {
        File.WriteAllText(_file, "from-a-file");
        var configuration = BentFleet.Configuration($"-Clusters:0:Password;;Clusters:0:Password_FILE=\"{_file}\"");
        var settings = new EffectiveSettings(FleetConfiguration.Read(configuration).Options, configuration).All();

        Assert.Equal($"••• (from file {_file})", settings.Single(s => s.Path == "Fleet:Clusters:0:Password").Value);
        Assert.Equal("•••", settings.Single(s => s.Path == "Fleet:TrafficManagers:1:Password").Value);
        Assert.Equal("500", settings.Single(s => s.Path == "Fleet:Regions:0:CapacityRps").Value);
        Assert.True(settings.Single(s => s.Path == "Fleet:Clusters:0:Heartbeat:IntervalSeconds").IsDefault);
        Assert.Contains("Host=127.0.0.1", settings.Single(s => s.Path == "ConnectionStrings:Owner").Value);
        Assert.DoesNotContain(settings, s => s.Value.Contains("from-a-file", StringComparison.Ordinal) || s.Value.Contains("-password", StringComparison.Ordinal) || s.Value.Contains("secret-key", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Vault_KeyValueSecret_IsResolved()
    {
        await using var server = FakeHttp.Start(request => request.Path == "/v1/kv/data/orders/db" && request.Headers["X-Vault-Token"] == "t0ken"
            ? (200, """{"data":{"data":{"password":"from-vault"},"metadata":{"version":3}}}""")
            : (403, """{"errors":["permission denied"]}"""));
        using var client = new HttpClient();
        var configuration = With("vault:kv/orders/db#password");

        var mistakes = await configuration.AddSecretReferencesAsync([new VaultSecrets(client, server.Address, "t0ken")], TestContext.Current.CancellationToken);

        Assert.Empty(mistakes);
        Assert.Equal("from-vault", configuration["Fleet:Clusters:0:Password"]);
    }

    [Theory]
    [InlineData("vault:kv/other#password", "no such secret")]
    [InlineData("vault:kv/orders#user", "no text field user")]
    [InlineData("vault:kv/orders", "has several fields")]
    [InlineData("vault:kv#password", "has no path")]
    public async Task Vault_WrongReference_IsAMistakeWithThePathOfTheSetting(string reference, string words)
    {
        await using var server = FakeHttp.Start(request => request.Path == "/v1/kv/data/orders" ? (200, """{"data":{"data":{"password":"p"}}}""") : (404, """{"errors":[]}"""));
        using var client = new HttpClient();

        var mistake = Assert.Single(await With(reference).AddSecretReferencesAsync([new VaultSecrets(client, server.Address, "t")], TestContext.Current.CancellationToken));

        Assert.Equal("Fleet:Clusters:0:Password", mistake.Path);
        Assert.Contains(words, mistake.Problem);
    }

    [Fact]
    public async Task References_NoStore_IsAMistakeThatSaysHowToSetItUp()
    {
        var mistake = Assert.Single(await With("vault:kv/orders#password").AddSecretReferencesAsync([], TestContext.Current.CancellationToken));

        Assert.Contains("VAULT_ADDR", mistake.Remedy);
    }

    [Fact]
    public async Task Aws_SignedRequest_ReturnsTheField()
    {
        await using var server = FakeHttp.Start(request =>
            request.Headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
            && request.Headers["Authorization"]!.StartsWith("AWS4-HMAC-SHA256 Credential=AKID/", StringComparison.Ordinal)
            && request.Headers["Authorization"]!.Contains("/eu-west-1/secretsmanager/aws4_request", StringComparison.Ordinal)
            && request.Body == """{"SecretId":"prod/orders"}"""
                ? (200, """{"Name":"prod/orders","SecretString":"{\"password\":\"from-aws\"}"}""")
                : (400, """{"__type":"InvalidRequestException"}"""));
        using var store = new AwsSecrets(new BasicAWSCredentials("AKID", "SECRET"), "eu-west-1", TimeSpan.FromSeconds(5), server.Address);

        Assert.Equal("from-aws", await store.ReadAsync("prod/orders", "password", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Aws_Refused_SaysWhyAndNothingElse()
    {
        await using var server = FakeHttp.Start(_ => (400, """{"__type":"com.amazonaws#AccessDeniedException","Message":"User arn:aws:iam::1:user/x is not authorized"}"""));
        using var store = new AwsSecrets(new BasicAWSCredentials("AKID", "SECRET"), "eu-west-1", TimeSpan.FromSeconds(5), server.Address);

        var error = await Assert.ThrowsAsync<SecretUnavailableException>(() => store.ReadAsync("prod/orders", null, TestContext.Current.CancellationToken));

        Assert.Equal("AWS refuses access", error.Message);
    }

    [Fact]
    public async Task Vault_NobodyListens_SaysThatItDoesNotAnswer()
    {
        using var client = new HttpClient();
        var store = new VaultSecrets(client, new Uri("http://127.0.0.1:9"), "t");

        var error = await Assert.ThrowsAsync<SecretUnavailableException>(() => store.ReadAsync("kv/a", "b", TestContext.Current.CancellationToken));

        Assert.Contains("does not answer", error.Message);
    }

    private static ConfigurationManager With(string reference) => (ConfigurationManager)BentFleet.Configuration($"Clusters:0:Password=\"{reference}\"");
}
