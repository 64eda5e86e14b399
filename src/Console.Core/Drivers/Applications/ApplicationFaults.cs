using System.Net.Http.Json;
using System.Text.Json;
using OpsConsole.Core.Chaos;

namespace OpsConsole.Core.Drivers.Applications;

/// <summary>What a service's fault switch shows and takes. It lets go by itself after <see cref="Seconds"/>.</summary>
internal sealed record ApplicationSwitch(double ErrorPercent, double LatencyMs, string? Tag, double Seconds)
{
    public bool IsOn => ErrorPercent > 0 || LatencyMs > 0;
}

/// <summary>Errors and latency inside an application that has a fault switch.</summary>
internal sealed class ApplicationFaults(ChaosOptions options, FaultHttp http) : IFaultInjector
{
    private const double Spare = 60;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    public IReadOnlyList<string> Kinds { get; } = [FaultKinds.ApplicationErrors, FaultKinds.ApplicationLatency];

    public async Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel)
    {
        if (UrlOf(fault) is null) return $"{fault.Id} has no fault switch (Chaos:Applications)";
        var now = await AskAsync(fault, cancel);
        return now.IsOn ? $"the fault switch of {fault.Id} is on already ({now.Tag ?? "by hand"})" : null;
    }

    public async Task InjectAsync(Fault fault, CancellationToken cancel)
    {
        var wanted = fault.Kind == FaultKinds.ApplicationErrors
            ? new ApplicationSwitch(fault.IntensityPercent, 0, fault.Tag, fault.DurationSeconds + Spare)
            : new ApplicationSwitch(0, fault.Number("latencyMs", 500), fault.Tag, fault.DurationSeconds + Spare);
        await SetAsync(fault, wanted, cancel);
    }

    public async Task<FaultReading> ReadAsync(Fault fault, CancellationToken cancel)
    {
        var now = await AskAsync(fault, cancel);
        return new FaultReading(now.IsOn && now.Tag == fault.Tag ? FaultPresence.Present : FaultPresence.Absent,
            now.IsOn ? FormattableString.Invariant($"{now.ErrorPercent} % errors, {now.LatencyMs} ms more") : "switch is off");
    }

    public async Task RevertAsync(Fault fault, CancellationToken cancel)
    {
        if ((await AskAsync(fault, cancel)) is { IsOn: true } now && now.Tag == fault.Tag) await SetAsync(fault, new ApplicationSwitch(0, 0, null, 0), cancel);
    }

    private Uri? UrlOf(Fault fault) => options.Applications.FirstOrDefault(a => a.Service == fault.Id) is { } application ? new Uri(application.Url) : null;

    private Task<ApplicationSwitch> AskAsync(Fault fault, CancellationToken cancel) => InWordsAsync(fault, async url =>
        await http.Client.GetFromJsonAsync<ApplicationSwitch>(url, Json, cancel) ?? throw new FaultException($"The fault switch of {fault.Id} answers nothing."), cancel);

    private Task<bool> SetAsync(Fault fault, ApplicationSwitch wanted, CancellationToken cancel) => InWordsAsync(fault, async url =>
    {
        using var answer = await http.Client.PostAsJsonAsync(url, wanted, Json, cancel);
        answer.EnsureSuccessStatusCode();
        return true;
    }, cancel);

    private async Task<T> InWordsAsync<T>(Fault fault, Func<Uri, Task<T>> work, CancellationToken cancel)
    {
        try
        {
            return await work(UrlOf(fault) ?? throw new FaultException($"{fault.Id} has no fault switch (Chaos:Applications)."));
        }
        catch (Exception e) when (e is HttpRequestException or JsonException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            throw new FaultException($"The fault switch of {fault.Id} does not answer: {e.Message}", e);
        }
    }
}
