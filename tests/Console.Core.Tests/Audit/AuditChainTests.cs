using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Npgsql;
using OpsConsole.Core.Audit;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Audit;

public sealed class AuditChainTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _clock = new(DateTimeOffset.Parse("2026-03-04T05:06:07.1234567Z"));
    private TestDatabase _database = null!;
    private AuditLog _log = null!;
    private AuditReader _reader = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync(AuditDb.ConsoleSchema);
        _log = new AuditLog(_database.Console, _clock);
        _reader = new AuditReader(_database.Console);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Append_Entries_MakesAnIntactChainWithoutGaps()
    {
        await AppendAsync(5);

        var entries = await _reader.ReadAsync(new AuditQuery(After: 0), Cancel);

        Assert.Equal([1, 2, 3, 4, 5], entries.Select(e => e.Sequence));
        Assert.Equal(new string('0', 64), entries[0].PreviousHash);
        Assert.Equal(entries[0].Hash, entries[1].PreviousHash);
        Assert.Equal(ChainVerdict.Intact, (await _reader.VerifyAsync(Cancel)).Verdict);
    }

    [Fact]
    public async Task Append_FromManyAtOnce_KeepsOneChain()
    {
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => _log.AppendAsync(new AuditDraft($"p{i % 3}@example.org", "user.create", $"user:{i}"), Cancel)));

        var report = await _reader.VerifyAsync(Cancel);

        Assert.Equal((ChainVerdict.Intact, 40L), (report.Verdict, report.Entries));
    }

    [Theory]
    [InlineData("action = 'user.other'")]
    [InlineData("target = 'user:9'")]
    [InlineData("reason = 'another'")]
    [InlineData("at = at + interval '1 microsecond'")]
    [InlineData("after = '{\"roles\":[\"administrator\"]}'")]
    [InlineData("after = 'no json'")]
    [InlineData("before = NULL")]
    [InlineData("actor = sha256('x')")]
    [InlineData("source = NULL")]
    [InlineData("hash = sha256('x')")]
    public async Task Verify_AlteredEntry_IsFound(string change)
    {
        await AppendAsync(5);
        await _database.ExecuteAsSuperuserAsync($"UPDATE audit.entry SET {change} WHERE sequence = 3");

        var report = await _reader.VerifyAsync(Cancel);

        Assert.Equal((ChainVerdict.Altered, 3L), (report.Verdict, report.FirstBad));
    }

    [Fact]
    public async Task Verify_RemovedEntry_IsFound()
    {
        await AppendAsync(5);
        await _database.ExecuteAsSuperuserAsync("DELETE FROM audit.entry WHERE sequence = 3");

        var report = await _reader.VerifyAsync(Cancel);

        Assert.Equal((ChainVerdict.Altered, 3L), (report.Verdict, report.FirstBad));
    }

    [Fact]
    public async Task Verify_ReorderedEntries_AreFound()
    {
        await AppendAsync(5);
        await _database.ExecuteAsSuperuserAsync("UPDATE audit.entry SET sequence = -1 WHERE sequence = 2; UPDATE audit.entry SET sequence = 2 WHERE sequence = 3; UPDATE audit.entry SET sequence = 3 WHERE sequence = -1");

        var report = await _reader.VerifyAsync(Cancel);

        Assert.Equal((ChainVerdict.Altered, 2L), (report.Verdict, report.FirstBad));
    }

    [Fact]
    public async Task Verify_BeginningCutOff_IsTruncated()
    {
        await AppendAsync(5);
        await _database.ExecuteAsSuperuserAsync("DELETE FROM audit.entry WHERE sequence < 3");

        Assert.Equal(ChainVerdict.Truncated, (await _reader.VerifyAsync(Cancel)).Verdict);
    }

    [Fact]
    public async Task Verify_EndCutOffBehindACheckpoint_IsTruncated()
    {
        await AppendAsync(5);
        await SignAsync();
        await _database.ExecuteAsSuperuserAsync("DELETE FROM audit.entry WHERE sequence > 3");

        var report = await _reader.VerifyAsync(Cancel);

        Assert.Equal((ChainVerdict.Truncated, 4L, 1), (report.Verdict, report.FirstBad, report.Checkpoints));
    }

    [Fact]
    public async Task Verify_ChainWrittenAnew_IsRewritten()
    {
        await AppendAsync(5);
        await SignAsync();
        await _database.ExecuteAsSuperuserAsync("DELETE FROM audit.entry");
        await AppendAsync(6, reason: "as it never was");

        var report = await _reader.VerifyAsync(Cancel);

        Assert.Equal((ChainVerdict.Rewritten, 5L), (report.Verdict, report.FirstBad));
    }

    [Fact]
    public async Task Verify_ForgedCheckpoint_IsRewritten()
    {
        await AppendAsync(2);
        await SignAsync();
        await _database.ExecuteAsSuperuserAsync("UPDATE audit.checkpoint SET at = at + interval '1 hour'");

        Assert.Equal(ChainVerdict.Rewritten, (await _reader.VerifyAsync(Cancel)).Verdict);
    }

    [Theory]
    [InlineData("UPDATE audit.entry SET action = 'x'")]
    [InlineData("DELETE FROM audit.entry")]
    [InlineData("TRUNCATE audit.entry")]
    [InlineData("UPDATE audit.checkpoint SET sequence = 1")]
    [InlineData("DELETE FROM audit.checkpoint")]
    [InlineData("ALTER TABLE audit.entry DROP COLUMN reason")]
    public async Task RunningConsole_ChangingTheRecord_IsRefusedByPostgreSql(string sql)
    {
        await AppendAsync(1);
        await using var command = _database.Console.App.CreateCommand(sql);

        var refused = await Assert.ThrowsAsync<PostgresException>(() => command.ExecuteNonQueryAsync(Cancel));

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Fact]
    public async Task Erase_APerson_KeepsTheChainIntactAndForgetsTheName()
    {
        await AppendAsync(3);

        Assert.True(await new AuditErasure(_database.Console, _clock).EraseAsync("ada@example.org", Cancel));

        Assert.Equal(ChainVerdict.Intact, (await _reader.VerifyAsync(Cancel)).Verdict);
        Assert.All(await _reader.ReadAsync(new AuditQuery(After: 0), Cancel), e => Assert.StartsWith("erased:", e.Actor, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Entry_InTheHashedRow_HoldsNoNameOrAddress()
    {
        await AppendAsync(1);

        var row = AuditChain.CanonicalEntry(await _reader.RowsAsync(1, Cancel).FirstAsync(Cancel));

        Assert.DoesNotContain("ada@example.org", row, StringComparison.Ordinal);
        Assert.DoesNotContain("192.0.2.1", row, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_WithFilters_GivesWhatFits()
    {
        await AppendAsync(3);
        await _log.AppendAsync(new AuditDraft("bob@example.org", "session.signIn", "user:7"), Cancel);

        Assert.Single(await _reader.ReadAsync(new AuditQuery(Actor: "bob@example.org"), Cancel));
        Assert.Single(await _reader.ReadAsync(new AuditQuery(Action: "session."), Cancel));
        Assert.Equal([4L, 3L], (await _reader.ReadAsync(new AuditQuery(Before: long.MaxValue, Limit: 2), Cancel)).Select(e => e.Sequence));
        Assert.Equal(3, await _reader.CountAsync(new AuditQuery(Action: "user.roles"), Cancel));
    }

    [Theory]
    [InlineData("""{"b":1,"a":[true,null,"ä\n"],"c":{"z":1.50,"y":-3}}""", """{"a":[true,null,"ä\n"],"b":1,"c":{"y":-3,"z":1.5}}""")]
    [InlineData("""{ "B" : "x" , "a" : "y" }""", """{"B":"x","a":"y"}""")]
    public void CanonicalJson_OfAnyOrder_IsOneText(string given, string expected) =>
        Assert.Equal(expected, CanonicalJson.Of(System.Text.Json.JsonSerializer.Deserialize<System.Text.Json.JsonElement>(given)));

    private async Task AppendAsync(int count, string reason = "why")
    {
        for (var i = 0; i < count; i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            await _log.AppendAsync(new AuditDraft("ada@example.org", "user.roles", $"user:{i}", reason, "192.0.2.1", new { roles = new[] { "viewer" } }, new { roles = new[] { "operator" } }), Cancel);
        }
    }

    private async Task SignAsync()
    {
        using var checkpoints = new AuditCheckpoints(_database.Console, Options.Create(new AuditOptions()), _clock, NullLogger<AuditCheckpoints>.Instance);
        await checkpoints.SignAsync(Cancel);
    }
}
