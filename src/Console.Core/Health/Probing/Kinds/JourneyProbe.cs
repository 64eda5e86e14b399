using System.Text.RegularExpressions;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>A scripted user journey: HTTP steps in order, cookies carried along, the first that fails ends it. Response time: the sum.</summary>
internal sealed class JourneyProbe : IProbe
{
    private static readonly TimeSpan MatchLimit = TimeSpan.FromMilliseconds(250);

    private readonly IReadOnlyList<Step> _steps;
    private readonly Names _names;
    private readonly TimeProvider _time;

    public JourneyProbe(ProbeSpec spec, Names names, TimeProvider time)
    {
        _names = names;
        _time = time;
        _steps = [.. spec.Options.Steps.Select(s => new Step(s))];
    }

    public async ValueTask<ProbeResult> RunAsync(CancellationToken timeout)
    {
        var total = 0;
        short last = 0;
        var cookies = new Dictionary<string, string>();
        foreach (var step in _steps)
        {
            var reply = await step.Exchange(cookies).SendAsync(_names, _time, timeout);
            total += reply.Micros;
            last = (short)reply.Status;
            if (!step.Expected.Contains(reply.Status))
                return new ProbeResult(HttpProbe.Classify(reply.Status), total, last, $"{step.Options.Name}: HTTP {reply.Status}");
            if (step.Body is not null && !HttpProbe.Matches(step.Body, reply.Body!))
                return new ProbeResult(ProbeOutcome.Failure, total, last, $"{step.Options.Name}: the body does not match");
            foreach (var cookie in reply.Cookies)
                cookies[cookie.Split('=')[0]] = cookie;
        }
        return new ProbeResult(ProbeOutcome.Success, total, last);
    }

    private sealed record Step(JourneyStepOptions Options)
    {
        public StatusSet Expected { get; } = StatusSet.Parse(Options.ExpectStatus);
        public Regex? Body { get; } = Options.ExpectBody.Length == 0 ? null : new Regex(Options.ExpectBody, RegexOptions.CultureInvariant, MatchLimit);

        public HttpExchange Exchange(Dictionary<string, string> cookies) => new(new Uri(Options.Url), Options.Method.ToUpperInvariant(), Options.Body,
            cookies.Count == 0 ? "" : $"Cookie: {string.Join("; ", cookies.Values)}\r\n", wantBody: true);
    }
}
