using System.Text.Json.Nodes;
using Bunit;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Testing;
using OpsConsole.Web.Components.Pages.Backups;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Tests.Components;

/// <summary>A console database with operations, none of which runs.</summary>
public sealed class OperationsDatabase : IAsyncLifetime
{
    public string Journal { get; } = Path.Combine(Path.GetTempPath(), $"ops-{Guid.NewGuid():N}");
    public TestDatabase Database { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Database = await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema);

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        if (Directory.Exists(Journal)) Directory.Delete(Journal, recursive: true);
    }
}

public sealed class RestorePageTests(OperationsDatabase database) : PageContext(services => Add(services, database)), IClassFixture<OperationsDatabase>
{
    private static void Add(IServiceCollection services, OperationsDatabase database)
    {
        services.AddLogging();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        services.AddSingleton(_ => database.Database.Console);
        services.AddSingleton<IAuditLog, NoAudit>();
        services.AddSingleton<IAuditReader, NoAudit>();
        services.AddSingleton<IPlanner, RefusingPlanner>();
        services.AddOperations();
        services.Configure<OperationsOptions>(o => o.JournalDirectory = database.Journal);
        services.AddSingleton<IBackupCatalogue, FakeCatalogue>();
        services.AddSingleton(new BackupsOptions());
        services.AddSingleton<WalStreamStates>();
        services.AddSingleton<RestorableRpo>();
        services.AddSingleton<RestoreMarks>();
    }

    [Fact]
    public void Range_WhileThePageIsOpen_MovesWithItsAgeAndItsMarks()
    {
        var page = Render<RestorePage>();
        page.WaitForAssertion(() => Assert.Contains($"<live-age at=\"{Say.Instant(FakeFleet.Start)}\"", page.Markup, StringComparison.Ordinal), TimeSpan.FromSeconds(10));
        Assert.Single(page.FindAll("rect.restore-backup"));

        Show(FakeFleet.Start.AddSeconds(5));
        page.WaitForAssertion(() => Assert.Contains($"<live-age at=\"{Say.Instant(FakeFleet.Start.AddSeconds(5))}\"", page.Markup, StringComparison.Ordinal));

        ((FakeCatalogue)Services.GetRequiredService<IBackupCatalogue>()).Backups.Add(FakeCatalogue.Make(FakeFleet.Start.AddSeconds(-10)));
        Clock.Advance(TimeSpan.FromSeconds(11));
        Show(FakeFleet.Start.AddSeconds(6));
        page.WaitForAssertion(() => Assert.Equal(2, page.FindAll("rect.restore-backup").Count), TimeSpan.FromSeconds(10));
        // What was chosen stays: the plan is for it.
        Assert.Equal(Say.Instant(FakeFleet.Start), page.Find("input[inputmode=text]").GetAttribute("value"));
    }

    private void Show(DateTimeOffset newest)
    {
        var before = Fleet.Picture.Clusters["orders"];
        Fleet.Publish(Fleet.Picture.Overall, before with { NewestRestorableAt = newest, Version = before.Version + 1 });
    }

    private sealed class FakeCatalogue : IBackupCatalogue
    {
        public List<Backup> Backups { get; } = [Make(FakeFleet.Start.AddMinutes(-30))];

        public static Backup Make(DateTimeOffset at) => new(Guid.NewGuid(), "orders", BackupType.Full, "pgbackrest", BackupState.Verified, Guid.NewGuid(), null, at, at, 1, null, 1);

        public Task<RestorableRange?> RangeAsync(string cluster, CancellationToken cancel = default) => Task.FromResult<RestorableRange?>(new(FakeFleet.Start.AddHours(-1), FakeFleet.Start, []));
        public Task<IReadOnlyList<Backup>> ListAsync(string? cluster = null, bool expired = false, Guid? before = null, int limit = 500, CancellationToken cancel = default) => Task.FromResult<IReadOnlyList<Backup>>([.. Backups]);
        public Task<ProvenBackup?> NewestProvenAsync(string cluster, CancellationToken cancel = default) => throw new NotSupportedException();
        public Task<Backup?> NewestVerifiedAsync(string cluster, CancellationToken cancel = default) => throw new NotSupportedException();
        public Task<Backup?> FindAsync(Guid id, CancellationToken cancel = default) => throw new NotSupportedException();
        public Task<IReadOnlyList<BackupChange>> LifeAsync(Guid id, CancellationToken cancel = default) => throw new NotSupportedException();
    }

    private sealed class RefusingPlanner : IPlanner
    {
        public string Kind => BackupKinds.Restore;
        public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => throw new RequestRefusedException("test", "Not in this test.");
        public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) => throw new NotSupportedException();
    }

    private sealed class NoAudit : IAuditLog, IAuditReader
    {
        public Task AppendAsync(AuditDraft draft, CancellationToken cancel = default) => Task.CompletedTask;
        public Task<IReadOnlyList<AuditEntry>> ReadAsync(AuditQuery query, CancellationToken cancel = default) => Task.FromResult<IReadOnlyList<AuditEntry>>([]);
        public Task<int> CountAsync(AuditQuery query, CancellationToken cancel = default) => throw new NotSupportedException();
        public IAsyncEnumerable<AuditRow> RowsAsync(long first = 1, CancellationToken cancel = default) => throw new NotSupportedException();
        public Task<ChainReport> VerifyAsync(CancellationToken cancel = default) => throw new NotSupportedException();
    }
}
