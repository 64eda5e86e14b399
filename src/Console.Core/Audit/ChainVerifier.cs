namespace OpsConsole.Core.Audit;

/// <summary>Reads the chain once, in order. Needs nothing but rows and checkpoints, so it works on an export too.</summary>
public sealed class ChainVerifier(IReadOnlyList<AuditCheckpoint> checkpoints)
{
    private readonly Dictionary<long, AuditCheckpoint> bySequence = checkpoints.GroupBy(c => c.Sequence).ToDictionary(g => g.Key, g => g.Last());
    private byte[] previous = AuditChain.Genesis;
    private long last;
    private long entries;
    private long? altered;
    private long? rewritten;
    private bool headMissing;

    public void Add(AuditRow row)
    {
        entries++;
        if (entries == 1 && row.Sequence > 1)
            headMissing = true;
        else if (row.Sequence != last + 1 || !row.PreviousHash.AsSpan().SequenceEqual(previous))
            altered ??= row.Sequence == last + 1 ? row.Sequence : last + 1;
        if (!Fits(row))
            altered ??= row.Sequence;
        if (bySequence.TryGetValue(row.Sequence, out var checkpoint) && !checkpoint.Head.AsSpan().SequenceEqual(row.Hash))
            rewritten ??= row.Sequence;
        (last, previous) = (row.Sequence, row.Hash);
    }

    public ChainReport Report()
    {
        var newest = checkpoints.Count == 0 ? null : checkpoints.MaxBy(c => c.Sequence);
        var forged = checkpoints.FirstOrDefault(c => !c.HasValidSignature());
        var (verdict, bad) = this switch
        {
            _ when altered is not null => (ChainVerdict.Altered, altered),
            _ when headMissing => (ChainVerdict.Truncated, 1L),
            _ when rewritten is not null => (ChainVerdict.Rewritten, rewritten),
            _ when forged is not null => (ChainVerdict.Rewritten, forged.Sequence),
            _ when newest is not null && newest.Sequence > last => (ChainVerdict.Truncated, last + 1),
            _ => (ChainVerdict.Intact, (long?)null),
        };
        return new ChainReport(verdict, entries, bad, checkpoints.Count, newest?.At);
    }

    private static bool Fits(AuditRow row)
    {
        try
        {
            return row.Hash.AsSpan().SequenceEqual(AuditChain.Hash(row));
        }
        catch (System.Text.Json.JsonException)
        {
            return false; // before or after is no JSON any more
        }
    }
}
