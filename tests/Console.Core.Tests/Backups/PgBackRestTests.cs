using OpsConsole.Core.Backups;
using OpsConsole.Core.Drivers.PgBackRest;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Tests.Backups;

public sealed class PgBackRestTests
{
    private const string Info = """
        [{"archive":[],"backup":[
          {"annotation":{"operation":"01a207e7-4458-7b6b-ac9b-0797e9493628"},"archive":{"start":"000000020000000000000002","stop":"000000020000000000000002"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":5,"repository":{"delta":2828368,"size":2828368},"size":22992586},"label":"20261123-093747F","lsn":{"start":"0/2000028","stop":"0/2000100"},"prior":null,"timestamp":{"start":1795426667,"stop":1795426669},"type":"full"},
          {"archive":{"start":"000000010000000000000006","stop":"000000010000000000000006"},"database":{"id":1,"repo-key":2},"info":{"repository":{"size":9},"size":7},"label":"20261123-093747F_20261123-093753I","prior":"20261123-093747F","timestamp":{"start":1795426673,"stop":1795426674},"type":"incr"}],
          "name":"orders","newMember":{"x":1},"repo":[{"key":1,"status":{"code":0,"message":"ok"}},{"key":2,"status":{"code":99,"message":"other"}}],"status":{"code":0,"lock":{"backup":{"held":true}},"message":"ok"}}]
        """;

    [Fact]
    public void Info_AnswerOfAVersionWithMoreOrLess_IsRead()
    {
        var info = PgBackRestInfo.Parse(Info, "orders");

        Assert.True(info.BackupRuns);
        Assert.Equal("other", info.Problems[2]);
        var full = info.Sets[0];
        Assert.Equal((1, "20261123-093747F", "full", "01a207e7-4458-7b6b-ac9b-0797e9493628", 2828368L, "0/2000100", 2), (full.Repository, full.Label, full.Type, full.Operation, full.StoredBytes, full.StopLsn, full.Timeline));
        Assert.Equal(("20261123-093747F", null, 0L), (info.Sets[1].Prior, info.Sets[1].Operation, info.Sets[1].StoredBytes));
        Assert.Empty(PgBackRestInfo.Parse("[]", "orders").Sets);
        Assert.Throws<FormatException>(() => PgBackRestInfo.Parse("ERROR", "orders"));
    }

    [Fact]
    public void Verdicts_ReportOfVerify_TellsEachSetAndTheLog()
    {
        var verdicts = PgBackRestVerdicts.Parse("""
            stanza: orders
            status: error
              archiveId: 15-1, total WAL checked: 9, total valid WAL: 8
                missing: 1, checksum invalid: 0, size invalid: 0, other: 0
              backup: 20261123-093747F, status: valid, total files checked: 964, total valid files: 964
                missing: 0, checksum invalid: 0, size invalid: 0, other: 0
              backup: 20261123-093750F, status: invalid, total files checked: 964, total valid files: 962
                checksum invalid: 2
            """)!;

        Assert.Equal((true, "964 files checked"), verdicts.Sets["20261123-093747F"]);
        Assert.Equal((false, "962 of 964 files are right (checksum invalid: 2)"), verdicts.Sets["20261123-093750F"]);
        Assert.Equal("8 of 9 segments of the log are right (missing: 1)", verdicts.Log);
        Assert.Null(PgBackRestVerdicts.Parse(""));
    }

    [Fact]
    public void Verdicts_DamagedLogThatASetNeeds_IsTheSetsOwnFault()
    {
        // As 2.45 said it of a set whose only segment was altered: "valid".
        var verdicts = PgBackRestVerdicts.Parse("""
            2026-11-30 20:24:05.926 P00   INFO: verify command begin 2.45: --log-level-console=info --output=text --repo=1 --stanza=s --verbose
            2026-11-30 20:24:24.467 P01   INFO: invalid result 15-1/0000000200000000/000000020000000000000002-5fcc6515101e4596b8e18d222a71015677e335ad.gz: [29] raised from local-1 protocol: zlib threw error: [-3] data error
            2026-11-30 20:24:24.928 P00   INFO: stanza: s
                                                  archiveId: 15-1, total WAL checked: 2, total valid WAL: 1
                                                    missing: 0, checksum invalid: 0, size invalid: 0, other: 1
                                                  backup: 20261123-093747F, status: valid, total files checked: 964, total valid files: 964
            """)!;
        var sets = PgBackRestInfo.Parse(Info, "orders").Sets;

        Assert.True(verdicts.Sets["20261123-093747F"].Valid);
        Assert.Equal(["000000020000000000000002"], verdicts.DamagedOf(sets[0]));
        Assert.Empty(verdicts.DamagedOf(sets[1]));
    }

    [Theory]
    [InlineData(82, "ERROR: [082]: WAL segment 00000001 was not archived before the 60000ms timeout", "archive_command", false)]
    [InlineData(62, "ERROR: [062]: stop file exists", "pgbackrest start", true)]
    [InlineData(101, "ERROR: [101]: HTTP request failed with 403 (Forbidden)", "credentials", false)]
    [InlineData(29, "ERROR: [029]: raised from local-1 protocol: zst error", "new full backup", true)]
    [InlineData(127, "sh: pgbackrest: not found", "Install it", true)]
    [InlineData(211, "", "said nothing", false)]
    public void Translate_ExitOfPgBackRest_SaysWhatToDo(int exit, string said, string remedy, bool final)
    {
        var failure = PgBackRestErrors.Translate("A backup into near", "us-east-1", new HostCommandResult(exit, "", said, TimeSpan.Zero));

        Assert.Contains(remedy, failure.Message, StringComparison.Ordinal);
        Assert.Contains("us-east-1", failure.Message, StringComparison.Ordinal);
        Assert.Equal(final, failure.Final);
    }

    [Fact]
    public void ArchiverView_OlderSegmentsWait_CountsUpToThem()
    {
        var stored = new ArchivedLog(2, new WalPosition(0x0300_0000));

        Assert.Equal(new ArchivedLog(2, new WalPosition(0x0100_0000)), ArchiverView.Before(stored, "0000000000000001", 16 << 20));
        Assert.Equal(stored, ArchiverView.Before(stored, "0000000000000003", 16 << 20));
        Assert.Equal(stored, ArchiverView.Before(stored, "", 16 << 20));
    }

    [Fact]
    public void ArchiverView_SegmentName_IsItsEnd()
    {
        Assert.Equal(new ArchivedLog(2, new WalPosition(0x1_0200_0000)), ArchiverView.Parse("000000020000000100000001", 16 << 20));
        Assert.Null(ArchiverView.Parse("00000002.history", 16 << 20));
        Assert.Null(ArchiverView.Parse("", 16 << 20));
    }

    [Fact]
    public void Dropped_WarningsInTheServersLog_AreStretchesOfMissingLog()
    {
        const string Log = """
            2026-11-30 12:00:01.123 P00   WARN: dropped WAL file '000000020000000000000002' because archive queue exceeded 512MB
            LOG:  checkpoint starting: time
            WARN: dropped WAL file '000000020000000000000001' because archive queue exceeded 512MB
            WARN: dropped WAL file '000000020000000000000002' because archive queue exceeded 512MB
            WARN: dropped WAL file '000000020000000100000005' because archive queue exceeded 512MB
            """;

        var stretches = PgBackRestDropped.Stretches(PgBackRestDropped.Segments(Log), 16 << 20);

        Assert.Equal([new MissingLog(2, new WalPosition(0x0100_0000), new WalPosition(0x0300_0000)), new MissingLog(2, new WalPosition(0x1_0500_0000), new WalPosition(0x1_0600_0000))], stretches);
    }

    [Fact]
    public void TimelineHistory_File_TellsWhereEachTimelineEnded() =>
        Assert.Equal([(1, WalPosition.Parse("0/3000000")), (2, WalPosition.Parse("1/A0"))], TimelineHistory.Parse("1\t0/3000000\tno recovery target specified\n\n2\t1/A0\tbefore 2000-01-01\n"));
}
