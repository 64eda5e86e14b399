using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;

namespace OpsConsole.Core.Tests.Health.Probing;

public class HttpProbeTests
{
    [Theory]
    [InlineData("200 OK", "200-399", ProbeOutcome.Success)]
    [InlineData("204 No Content", "200-399", ProbeOutcome.Success)]
    [InlineData("302 Found", "200", ProbeOutcome.Failure)]
    [InlineData("404 Not Found", "200-399", ProbeOutcome.ClientError)]
    [InlineData("404 Not Found", "404", ProbeOutcome.Success)]
    [InlineData("503 Service Unavailable", "200-399", ProbeOutcome.ServerError)]
    public async Task Run_Status_IsHeldAgainstTheExpectedSet(string status, string expected, ProbeOutcome outcome)
    {
        await using var server = new OneShotServer(_ => [$"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"]);
        var result = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Http, Target = $"http://{server.Address}/health?x=1", ExpectStatus = expected });
        Assert.Equal(outcome, result.Outcome);
        Assert.Equal(short.Parse(status[..3], System.Globalization.CultureInfo.InvariantCulture), result.StatusCode);
        Assert.True(result.DurationMicros > 0);
        Assert.StartsWith("GET /health?x=1 HTTP/1.1\r\nHost: 127.0.0.1:", server.Received[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"state\":\"ok\"}\n")]
    [InlineData("HTTP/1.1 200 OK\r\n|Content-Len|gth: 15\r\n\r|\n{\"state\":|\"ok\"}\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n|5\r\n{\"sta\r\n|a;x=y\r\nte\":\"ok\"}\n\r\n|0\r\n\r\n")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\n{\"state\":\"ok\"}\n")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:15\r\n\r\n{\"state\":\"ok\"}\n")]
    public async Task Run_BodyHoweverFramed_IsMatched(string pieces)
    {
        await using var server = new OneShotServer(_ => pieces.Split('|'));
        var target = $"http://{server.Address}/";
        Assert.Equal(ProbeOutcome.Success, (await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Http, Target = target, ExpectBody = "\"state\":\"ok\"" })).Outcome);
        var other = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Http, Target = target, ExpectBody = "^fine$" });
        Assert.Equal((ProbeOutcome.Failure, "the body does not match"), (other.Outcome, other.Error));
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9\r\n", "not an HTTP answer")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "connection closed before the answer ended")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "bad chunk in the HTTP answer")]
    [InlineData("", "connection closed before the answer ended")]
    public async Task Run_BrokenAnswer_IsAFailureInWords(string answer, string error)
    {
        await using var server = new OneShotServer(_ => [answer]);
        var result = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Http, Target = $"http://{server.Address}/" });
        Assert.Equal((ProbeOutcome.Failure, error), (result.Outcome, result.Error));
    }

    [Fact]
    public async Task Run_NobodyListens_IsRefused()
    {
        var result = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Http, Target = "http://127.0.0.1:1/" });
        Assert.Equal((ProbeOutcome.Failure, "connection refused"), (result.Outcome, result.Error));
    }

    [Fact]
    public async Task Run_SilentServer_TimesOut()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var result = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Http, Target = $"http://{silent.LocalEndpoint}/", TimeoutSeconds = 0.2 });
        Assert.Equal((ProbeOutcome.Timeout, "no answer within 0.2 s"), (result.Outcome, result.Error));
        Assert.InRange(result.DurationMicros, 190_000, 5_000_000);
    }

    [Fact]
    public async Task Run_UntrustedCertificate_IsAFailure()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, new DateTimeOffset(2100, 1, 1, 0, 0, 0, TimeSpan.Zero));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync();
            await using var tls = new SslStream(client.GetStream());
            await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                await tls.AuthenticateAsServerAsync(certificate, false, SslProtocols.None, false);
                if (await tls.ReadAsync(new byte[1]) == 0)
                    throw new EndOfStreamException();
            });
        });
        var result = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Http, Target = $"https://{listener.LocalEndpoint}/" });
        Assert.Equal(ProbeOutcome.Failure, result.Outcome);
        Assert.StartsWith("TLS: ", result.Error, StringComparison.Ordinal);
        await serving;
    }

    [Fact]
    public async Task Run_Journey_CarriesCookiesAndStopsAtTheStepThatFails()
    {
        await using var server = new OneShotServer(request => request.StartsWith("POST /login", StringComparison.Ordinal)
            ? ["HTTP/1.1 200 OK\r\nSet-Cookie: session=abc; HttpOnly\r\nContent-Length: 0\r\n\r\n"]
            : [request.Contains("Cookie: session=abc", StringComparison.Ordinal) ? "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ncart" : "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"]);
        var journey = new ProbeOptions
        {
            Kind = ProbeKind.Journey,
            Steps =
            [
                new JourneyStepOptions { Name = "sign in", Method = "POST", Url = $"http://{server.Address}/login", Body = "{\"user\":\"x\"}" },
                new JourneyStepOptions { Name = "cart", Url = $"http://{server.Address}/cart", ExpectBody = "cart" },
            ],
        };
        Assert.Equal(ProbeOutcome.Success, (await ProbeRunner.RunAsync(journey)).Outcome);
        Assert.EndsWith("{\"user\":\"x\"}", server.Received[0], StringComparison.Ordinal);
        journey.Steps.RemoveAt(0);
        var result = await ProbeRunner.RunAsync(journey);
        Assert.Equal((ProbeOutcome.ClientError, "cart: HTTP 401"), (result.Outcome, result.Error));
    }
}
