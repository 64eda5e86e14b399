using System.Net.Sockets;
using Npgsql;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>Heartbeats through the clients' endpoint, for as long as clients are without their database.</summary>
internal static class InPlacePulse
{
    public static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);
    public static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>Heartbeats of so long before are counted: the pause begins with the last one that was acknowledged.</summary>
    public static readonly TimeSpan Before = TimeSpan.FromSeconds(5);

    public static string Name(Guid operation) => $"restore {operation}";
}

/// <summary>Notes when clients begin to wait, and what they have written until then.</summary>
public sealed class BeginInPlace(BackupParts parts, InPlaceNodes nodes, InstanceProof proof, PulseMeters meters) : InPlaceStep(parts, nodes, StepName)
{
    public const string StepName = "restore.begin";
    internal const string NewestBefore = "newestBefore";

    public override async Task ActAsync(StepContext context)
    {
        meters.Of(Cluster(context))?.Keep(InPlacePulse.Name(context.OperationId), InPlacePulse.Pace, InPlacePulse.Longest);
        if (!context.Outputs.Has(RestoreOutputs.Began))
        {
            context.Outputs.Set(NewestBefore, await NewestAsync(context));
            context.Outputs.Set(RestoreOutputs.Began, context.Clock.GetUtcNow());
        }
        await context.SayAsync($"From here the database of {Region(context)} is away until its restored data is open.");
    }

    /// <summary>A primary that does not answer is a reason to restore, and none to fail.</summary>
    private async Task<DateTimeOffset?> NewestAsync(StepContext context)
    {
        try
        {
            await using var node = await Nodes.OpenAsync(Cluster(context), Region(context), context.Cancel);
            return await proof.NewestHeartbeatAsync(node, context.Cancel);
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or TimeoutException)
        {
            await context.SayAsync($"{Region(context)} does not answer ({e.Message}): what is lost cannot be measured.");
            return null;
        }
    }
}

/// <summary>Asks the restored primary what it holds, and measures when clients could write again and what is lost. A wrong answer undoes nothing: a person decides, within the commit window.</summary>
public sealed class ValidateInPlace(BackupParts parts, InPlaceNodes nodes, InstanceProof proof, PulseMeters meters) : InPlaceStep(parts, nodes, StepName)
{
    public const string StepName = "restore.validate";
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(30);

    public override async Task ActAsync(StepContext context)
    {
        var (cluster, region) = (Cluster(context), Region(context));
        var began = context.Outputs.Get<DateTimeOffset?>(RestoreOutputs.Began) ?? context.Clock.GetUtcNow();
        var findings = new List<Finding>();
        if (await WrittenAsync(context, began) is { } unwritten) findings.Add(unwritten);
        await using var node = await Nodes.OpenAsync(cluster, region, context.Cancel);
        var reached = await proof.NewestHeartbeatAsync(node, context.Cancel, began);
        context.Result.Set("newestRowAt", reached);
        if (context.Outputs.Get<DateTimeOffset?>(BeginInPlace.NewestBefore) is { } before && reached is { } at)
            context.Result.Set("measuredRpoSeconds", Math.Max(0, Math.Round((before - at).TotalSeconds, 3)));
        findings.AddRange(await proof.AskAllAsync(cluster, node, (percent, text) => context.ProgressAsync(percent, text), context.Cancel));
        if (findings.Count > 0) context.Result.Set("findings", findings);
        foreach (var finding in findings) await context.SayAsync($"{finding.Name}: {finding.Answer}");
        if (findings.Where(f => !f.Passed).Select(f => $"{f.Name}: {f.Answer}").ToList() is { Count: > 0 } wrong)
            Alarm(context, "restoreWrong", $"The restored data is open, but not as it should be. {string.Join("; ", wrong)}. Look at it, and take the restore back if it is of no use.");
    }

    /// <summary>Waits until a client's write is acknowledged; the pause is what clients have seen.</summary>
    /// <returns>what is wrong; null: nothing, or there is no endpoint to ask</returns>
    private async Task<Finding?> WrittenAsync(StepContext context, DateTimeOffset began)
    {
        var since = context.Clock.GetUtcNow();
        if (meters.Of(Cluster(context)) is not { } meter)
        {
            context.Result.Set("measuredRtoSeconds", Math.Round((since - began).TotalSeconds, 3));
            return null;
        }
        meter.Keep(InPlacePulse.Name(context.OperationId), InPlacePulse.Pace, InPlacePulse.Longest);
        try
        {
            await NodeSql.UntilAsync(() => Task.FromResult(meter.LastAcknowledgedAt > since), WriteLimit, Parts.Time, () => "no write is acknowledged", context.Cancel, InPlacePulse.Pace);
        }
        catch (TimeoutException)
        {
            return new Finding("a client's write", false, $"none was acknowledged through the endpoint within {WriteLimit.TotalSeconds:0} s: {meter.LastFailure?.Failure.Message}");
        }
        finally
        {
            meter.Release(InPlacePulse.Name(context.OperationId));
        }
        var report = meter.Report(began - InPlacePulse.Before);
        // A console that was restarted meanwhile has seen the end only.
        context.Result.Set("measuredRtoSeconds", Math.Round((report.GapBegan <= since && report.LongestGap is { } gap && gap >= since - began ? gap : meter.LastAcknowledgedAt!.Value - began).TotalSeconds, 3));
        context.Result.Set("resolutionSeconds", report.Resolution > TimeSpan.Zero ? report.Resolution.TotalSeconds : InPlacePulse.Pace.TotalSeconds);
        return null;
    }
}
