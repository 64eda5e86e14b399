using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Tests.Backups;

public sealed class RetentionTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 29, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeZoneInfo Dublin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Dublin");

    [Fact]
    public void Decide_TwoYearsOfDailyFulls_KeepsGenerationsAndTheWindow()
    {
        var backups = Enumerable.Range(0, 730).Select(d => Make(BackupType.Full, Now.AddDays(-d).AddHours(-10))).ToList();

        var kept = Retention.Decide(backups, new BackupPolicyOptions { Cluster = "orders" }, Dublin, Now).Where(d => d.Keep).ToList();

        // 7 days and the one before the window, 4 weeks and 12 months whose newest may be among them.
        Assert.InRange(kept.Count, 7 + 1 + 2 + 10, 8 + 4 + 12);
        Assert.Equal(12, kept.Select(d => d.Backup.EndedAt.ToString("yyyy-MM")).Distinct().Count());
        Assert.All(kept, d => Assert.NotEmpty(d.Reason));
    }

    [Fact]
    public void Decide_FixedDays_KeepsThoseAndWhatTheyNeed()
    {
        var policy = new BackupPolicyOptions { Cluster = "orders", Retention = new() { Days = 30 } };
        var old = Make(BackupType.Full, Now.AddDays(-40));
        var chain = Make(BackupType.Incremental, Now.AddDays(-29)) with { BaseId = old.Id };
        var gone = Make(BackupType.Full, Now.AddDays(-50));

        var decisions = Retention.Decide([old, chain, gone], policy, TimeZoneInfo.Utc, Now).ToDictionary(d => d.Backup.Id);

        Assert.True(decisions[chain.Id].Keep);
        Assert.Contains("needed by", decisions[old.Id].Reason, StringComparison.Ordinal);
        Assert.False(decisions[gone.Id].Keep);
        Assert.Equal("older than 30 days", decisions[gone.Id].Reason);
    }

    [Fact]
    public void Decide_IncrementalWhoseBaseFailed_CountsForNothingAndGoes()
    {
        var full = Make(BackupType.Full, Now.AddDays(-2));
        var failed = Make(BackupType.Full, Now.AddDays(-1)) with { State = BackupState.Failed };
        var needing = Make(BackupType.Incremental, Now.AddHours(-12)) with { BaseId = failed.Id, FailedBaseId = failed.Id };

        var decisions = Retention.Decide([full, failed, needing], new BackupPolicyOptions { Cluster = "orders" }, TimeZoneInfo.Utc, Now).ToDictionary(d => d.Backup.Id);

        Assert.Equal((true, "the newest"), (decisions[full.Id].Keep, decisions[full.Id].Reason));
        Assert.Equal((false, "its base failed"), (decisions[needing.Id].Keep, decisions[needing.Id].Reason));
        Assert.Equal((true, "failed; kept for 7 days for somebody to look at"), (decisions[failed.Id].Keep, decisions[failed.Id].Reason));
        var later = Retention.Decide([full, failed], new BackupPolicyOptions { Cluster = "orders" }, TimeZoneInfo.Utc, Now.AddDays(6.1)).Single(d => d.Backup.Id == failed.Id);
        Assert.Equal((false, "it failed"), (later.Keep, later.Reason));
    }

    [Fact]
    public void Decide_WhatItsStoreLocks_IsKeptUntilTheLockEnds()
    {
        var policy = new BackupPolicyOptions { Cluster = "orders", Retention = new() { Days = 30 } };
        var fleet = new FleetOptions { BackupRepositories = [new() { Id = "near", ObjectLock = true, RetainDays = 60 }, new() { Id = "far" }] };
        Backup Streamed(int daysAgo) => Make(BackupType.Full, Now.AddDays(-daysAgo)) with { Engine = BackupEngines.Streaming, Copies = [new("near", "us", "L", CopyState.Stored, 1, null, ""), new("far", "eu", "L", CopyState.Stored, 1, null, "")] };
        var (locked, free) = (Streamed(59), Streamed(61));
        var byPgBackRest = locked with { Id = Guid.NewGuid(), Engine = BackupEngines.PgBackRest };

        var decisions = Retention.Decide([Make(BackupType.Full, Now), Streamed(8), byPgBackRest with { Id = Guid.NewGuid(), EndedAt = Now.AddDays(-8) }, locked, free, byPgBackRest], policy, TimeZoneInfo.Utc, Now, b => ObjectLocks.Until(fleet, b)).ToDictionary(d => d.Backup.Id);

        Assert.Equal((true, "kept by object lock until 2026-03-30 12:10Z"), (decisions[locked.Id].Keep, decisions[locked.Id].Reason));
        Assert.False(decisions[free.Id].Keep);
        Assert.False(decisions[byPgBackRest.Id].Keep); // not written under the declaration
    }

    /// <summary>100,000 random histories under random policies: what must never go never goes.</summary>
    [Fact]
    public void Decide_RandomHistories_NeverDeletesHeldLastProvenOrNeededOnes()
    {
        var random = new Random(20261123);
        var deleted = 0;
        for (var round = 0; round < 100_000; round++)
        {
            var backups = History(random);
            var policy = new BackupPolicyOptions
            {
                Cluster = "orders", WindowDays = 1 + random.Next(10),
                Retention = random.Next(3) == 0 ? new() { Days = 1 + random.Next(60) } : new() { Daily = random.Next(8), Weekly = random.Next(5), Monthly = random.Next(13) },
            };
            var decisions = Retention.Decide(backups, policy, Dublin, Now);
            var (kept, gone) = (decisions.Where(d => d.Keep).Select(d => d.Backup).ToDictionary(b => b.Id), decisions.Where(d => !d.Keep).Select(d => d.Backup).ToList());
            deleted += gone.Count;

            Check(gone.All(b => b.Hold is null), "a held one goes");
            Check(gone.All(b => b.State != BackupState.Expired), "an expired one goes again");
            Check(kept.Values.All(b => b.BaseId is not { } id || kept.ContainsKey(id) || backups.All(x => x.Id != id || x.State == BackupState.Expired)), "a needed one goes");
            var proven = backups.Where(b => b.State == BackupState.Proven).ToList();
            Check(proven.Count == 0 || kept.ContainsKey(proven.MaxBy(b => b.ProvenAt)!.Id), "the last proven one goes");
            Check(proven.Count == 0 || kept.Values.Any(b => b.State == BackupState.Proven), "no proven one is left");
            foreach (var kind in backups.Where(b => b.IsUsable).GroupBy(b => b.Type == BackupType.Configuration)) Check(kept.ContainsKey(kind.OrderByDescending(b => b.EndedAt).ThenByDescending(b => b.Id).First().Id), "the newest of a kind goes");
            // Any moment of the window that could be reached before can be reached after.
            var begins = Now.AddDays(-policy.WindowDays);
            foreach (var engine in backups.Where(b => b.State.IsUsable() && b.Type.IsPhysical()).GroupBy(b => b.Engine))
                Check(engine.Where(b => b.EndedAt <= begins).MaxBy(b => b.EndedAt) is not { } first || kept.ContainsKey(first.Id), "the window loses its beginning");

            void Check(bool holds, string what)
            {
                if (!holds) Assert.Fail($"Round {round}: {what}.");
            }
        }
        Assert.True(deleted > 100_000, $"only {deleted} deletions were tried");
    }

    private static List<Backup> History(Random random)
    {
        var backups = new List<Backup>();
        for (var i = random.Next(12); i >= 0; i--)
        {
            var at = Now.AddMinutes(-random.Next(60 * 24 * 90)).AddTicks(i);
            var type = (BackupType)random.Next(4);
            var engine = random.Next(4) == 0 ? "streaming" : "pgbackrest";
            var earlier = backups.Where(b => b.EndedAt < at && b.Engine == engine && b.Type.IsPhysical()).ToList();
            var state = (BackupState)random.Next(6);
            backups.Add(Make(type, at) with
            {
                Engine = engine, State = state,
                BaseId = type == BackupType.Incremental && earlier.Count > 0 ? earlier[random.Next(earlier.Count)].Id : null,
                ProvenAt = state == BackupState.Proven ? Now.AddMinutes(-random.Next(60 * 24 * 30)).AddTicks(i) : null,
                Hold = random.Next(8) == 0 ? new BackupHold("a", "b", at) : null,
            });
        }
        return backups;
    }

    private static Backup Make(BackupType type, DateTimeOffset at) => new(Guid.NewGuid(), "orders", type, "pgbackrest", BackupState.Verified, Guid.NewGuid(), null, at.AddMinutes(-5), at, 1, null, 1);
}
