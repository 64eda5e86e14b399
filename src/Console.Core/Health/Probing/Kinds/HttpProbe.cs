using System.Text.RegularExpressions;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>HTTP(S): expected status, optional match of the body, days to the certificate's expiry. Response time: from before the
/// connection (always a new one) to the last byte of the body.</summary>
internal sealed class HttpProbe : IProbe
{
    private static readonly TimeSpan MatchLimit = TimeSpan.FromMilliseconds(250);

    private readonly HttpExchange _exchange;
    private readonly StatusSet _expected;
    private readonly Regex? _body;
    private readonly Names _names;
    private readonly TimeProvider _time;

    public HttpProbe(ProbeSpec spec, Names names, TimeProvider time)
    {
        _names = names;
        _time = time;
        _expected = StatusSet.Parse(spec.Options.ExpectStatus);
        _body = spec.Options.ExpectBody.Length == 0 ? null : new Regex(spec.Options.ExpectBody, RegexOptions.CultureInvariant, MatchLimit);
        _exchange = new HttpExchange(new Uri(spec.Target), wantBody: _body is not null);
    }

    public async ValueTask<ProbeResult> RunAsync(CancellationToken timeout)
    {
        var reply = await _exchange.SendAsync(_names, _time, timeout);
        IReadOnlyList<KeyValuePair<string, double>>? gauges = reply.CertificateExpires is { } expires
            ? [new(GaugeNames.CertificateDays, Math.Round((expires - _time.GetUtcNow()).TotalDays, 2))] : null;
        var status = (short)reply.Status;
        if (!_expected.Contains(reply.Status))
            return new ProbeResult(Classify(reply.Status), reply.Micros, status, $"HTTP {reply.Status}", gauges);
        if (_body is not null && !Matches(_body, reply.Body!))
            return new ProbeResult(ProbeOutcome.Failure, reply.Micros, status, "the body does not match", gauges);
        return new ProbeResult(ProbeOutcome.Success, reply.Micros, status, null, gauges);
    }

    internal static ProbeOutcome Classify(int status) =>
        status >= 500 ? ProbeOutcome.ServerError : status >= 400 ? ProbeOutcome.ClientError : ProbeOutcome.Failure;

    internal static bool Matches(Regex regex, string body)
    {
        try
        {
            return regex.IsMatch(body);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new InvalidDataException("the body match took longer than 250 ms", e);
        }
    }
}
