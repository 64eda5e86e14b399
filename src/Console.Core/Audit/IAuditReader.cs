namespace OpsConsole.Core.Audit;

/// <summary>An entry as people read it: names are looked up beside the chain, and gone once they were erased.</summary>
/// <param name="Actor">e-mail address or <c>system</c>; <c>erased:DIGEST</c> after an erasure; likewise <paramref name="From"/></param>
public sealed record AuditEntry(
    long Sequence, DateTimeOffset At, string Actor, string Action, string Target, string? Reason, string? From,
    string? Before, string? After, string Hash, string PreviousHash);

/// <param name="After">Entries with a larger number than this, oldest first.</param>
/// <param name="Before">Entries with a smaller number, newest first; wins over <paramref name="After"/>.</param>
/// <param name="Action">Exact, or the start of one with a trailing dot: <c>user.</c></param>
/// <param name="Actor">Exact e-mail address.</param>
/// <param name="Target">Exact, such as <c>cluster:orders</c>.</param>
/// <param name="Limit">1 to 1,000.</param>
/// <param name="Skip">Entries left out first, for a list that is scrolled anywhere.</param>
public sealed record AuditQuery(
    long? After = null, long? Before = null, string? Action = null, string? Actor = null, string? Target = null,
    DateTimeOffset? From = null, DateTimeOffset? To = null, int Limit = 100, int Skip = 0);

/// <summary>intact; altered: an entry or its place does not fit its hash; truncated: entries that a checkpoint counted are missing at an end;
/// rewritten: the chain fits itself but not a checkpoint.</summary>
public enum ChainVerdict { Intact, Altered, Truncated, Rewritten }

/// <param name="FirstBad">Number of the first entry that does not fit; null when intact.</param>
/// <param name="Checkpoints">How many signed checkpoints the chain was held against.</param>
public sealed record ChainReport(ChainVerdict Verdict, long Entries, long? FirstBad, int Checkpoints, DateTimeOffset? NewestCheckpointAt);

public interface IAuditReader
{
    Task<IReadOnlyList<AuditEntry>> ReadAsync(AuditQuery query, CancellationToken cancel = default);

    /// <summary>Number of entries that fit the filter, for a virtualised list.</summary>
    Task<int> CountAsync(AuditQuery query, CancellationToken cancel = default);

    /// <summary>The rows that were hashed, in order, from <paramref name="first"/> on: for export and verification.</summary>
    IAsyncEnumerable<AuditRow> RowsAsync(long first = 1, CancellationToken cancel = default);

    Task<ChainReport> VerifyAsync(CancellationToken cancel = default);
}
