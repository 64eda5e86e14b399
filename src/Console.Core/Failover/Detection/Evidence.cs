namespace OpsConsole.Core.Failover.Detection;

/// <summary>How direct write probes of the primary fail.</summary>
public enum ProbeFailure
{
    None,
    /// <summary>The connection is refused or dropped, or the server says that it cannot serve.</summary>
    Refused,
    /// <summary>No answer: the host, its network or every process hangs.</summary>
    Silent,
    /// <summary>It answers, but its own commits do not come to an end or are refused: connected, not committing. Storage that stands still looks like this.</summary>
    Stalled,
}

/// <param name="FailuresInARow">of the direct write probe (a local commit, which waits for no standby)</param>
/// <param name="UnansweredInARow">those of them, since it last answered anything, that got no answer at all or were refused</param>
/// <param name="FailingFor">time that the console lived through since the last success: a stall of its own is no evidence</param>
public sealed record PrimaryEvidence(int FailuresInARow, int UnansweredInARow, ProbeFailure Kind, TimeSpan FailingFor);

/// <param name="Answers">the console reaches it now</param>
/// <param name="Silence">since the sender's last message, by the standby's own clock; null when it receives nothing</param>
public sealed record StandbyEvidence(string Region, bool Answers, bool Streams, TimeSpan? Silence);

/// <param name="AcknowledgedAgo">since the client endpoint acknowledged a write; null: never, or it is not watched</param>
/// <param name="PendingFor">how long a write has waited for its answer; null when none waits</param>
public sealed record ClientEvidence(TimeSpan? AcknowledgedAgo, TimeSpan? PendingFor);

public enum LossVerdict
{
    /// <summary>The primary serves, or has not failed often enough.</summary>
    Serves,
    /// <summary>The primary is lost: the console, a majority of its standbys and its clients agree.</summary>
    Lost,
    /// <summary>Only the console does not reach it. Nothing is changed.</summary>
    OnlyConsole,
    /// <summary>The console does not reach enough standbys to ask. Nothing is changed.</summary>
    ConsoleCutOff,
    /// <summary>The primary answers but does not commit, and has not done so for too short a time to be given up.</summary>
    Stalls,
    /// <summary>The primary lives but commits wait: standbys are lost, not the primary.</summary>
    CommitsWait,
}

public sealed record LossJudgement(LossVerdict Verdict, ProbeFailure Kind, string Reason);

/// <summary>Three kinds of evidence, one verdict. Pure.</summary>
public static class LossRules
{
    public static LossJudgement Judge(DetectionOptions rule, PrimaryEvidence primary, IReadOnlyList<StandbyEvidence> standbys, ClientEvidence client)
    {
        if (primary.FailuresInARow == 0 && client.PendingFor >= TimeSpan.FromSeconds(rule.SilenceSeconds) && standbys.Any(s => s.Answers && !s.Streams))
            return new LossJudgement(LossVerdict.CommitsWait, ProbeFailure.None, FormattableString.Invariant($"the primary writes, but a client has waited for {client.PendingFor!.Value.TotalSeconds:0.#} s: standbys are missing"));
        if (primary.FailuresInARow < rule.Failures)
            return new LossJudgement(LossVerdict.Serves, primary.Kind, primary.FailuresInARow == 0 ? "writes are answered" : $"{primary.FailuresInARow} of {rule.Failures} failures in a row");

        // Connected but not committing: storage that stands still for moments is no reason to move; one that stays so is.
        var stalls = primary.UnansweredInARow < rule.Failures;
        if (stalls && primary.FailingFor < TimeSpan.FromSeconds(rule.StallSeconds))
            return new LossJudgement(LossVerdict.Stalls, ProbeFailure.Stalled, FormattableString.Invariant($"the primary answers but does not commit; given up after {rule.StallSeconds:0.#} s"));

        var majority = standbys.Count / 2 + 1;
        var answering = standbys.Count(s => s.Answers);
        if (answering < majority)
            return new LossJudgement(LossVerdict.ConsoleCutOff, primary.Kind, $"{answering} of {standbys.Count} standbys answer; {majority} are needed to tell a lost primary from a lost console");
        var confirming = standbys.Count(s => Confirms(rule, primary, s));
        if (confirming < majority)
            return new LossJudgement(LossVerdict.OnlyConsole, primary.Kind, $"{confirming} of {standbys.Count} standbys miss it; {majority} must");
        // An acknowledgement may have left just after the last probe that succeeded: one that came clearly later counts, while it is new.
        if (client.AcknowledgedAgo < TimeSpan.FromSeconds(rule.SilenceSeconds) && client.AcknowledgedAgo < primary.FailingFor - TimeSpan.FromSeconds(rule.IntervalSeconds + rule.TimeoutSeconds))
            return new LossJudgement(LossVerdict.OnlyConsole, primary.Kind, "clients' writes are still acknowledged");
        return new LossJudgement(LossVerdict.Lost, stalls ? ProbeFailure.Stalled : primary.Kind,
            $"{primary.FailuresInARow} write probes in a row {(stalls ? "were answered without a commit" : primary.Kind == ProbeFailure.Refused ? "were refused" : "got no answer")}, and {confirming} of {standbys.Count} standbys receive nothing from it");
    }

    /// <summary>A stream's silence counts from the last write that the console knows of: before it nobody may have written.</summary>
    private static bool Confirms(DetectionOptions rule, PrimaryEvidence primary, StandbyEvidence standby) =>
        standby.Answers && (!standby.Streams || (primary.FailingFor >= TimeSpan.FromSeconds(rule.SilenceSeconds) && (standby.Silence is not { } silence || silence >= TimeSpan.FromSeconds(rule.SilenceSeconds))));
}

/// <param name="Position">newest position that it holds</param>
/// <param name="LatencyMs">from the console; null: unknown</param>
public sealed record Candidate(string Region, ulong Position, int Priority, double? LatencyMs, bool Allowed);

/// <summary>Who is promoted: most log received, then the region's priority, then latency. Only where the data may be.</summary>
public static class TargetChoice
{
    public static Candidate? Of(IEnumerable<Candidate> standbys) =>
        standbys.Where(s => s.Allowed).OrderByDescending(s => s.Position).ThenBy(s => s.Priority).ThenBy(s => s.LatencyMs ?? double.MaxValue).ThenBy(s => s.Region, StringComparer.Ordinal).FirstOrDefault();
}
