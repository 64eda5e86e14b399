using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>Where an execution writes: the console's database, or in a critical section a local file first, from which entries flow into
/// the database as soon as it answers. Outside a section an outage is waited out as long as the lease lasts.</summary>
internal sealed class ExecutionJournal(DatabaseJournal database, Registration registration, Lease lease, NodeIdentity node, ExecutionTrace trace, TimeProvider clock, ILogger log) : IAsyncDisposable
{
    private readonly Guid _id = lease.Operation;
    private readonly CancellationTokenSource _over = CancellationTokenSource.CreateLinkedTokenSource(lease.Lost);
    private LocalJournal? _local;
    private Channel<JournalEntry>? _outbound;
    private Task _pump = Task.CompletedTask;

    public bool InSection => _local is not null;

    public async Task WriteAsync(JournalEntry entry)
    {
        trace.At(_id, entry.Step, $"before {entry.Kind}");
        if (_local is null)
        {
            await PatientlyAsync(cancel => database.WriteAsync(_id, lease.Epoch, entry, cancel));
        }
        else
        {
            if (_over.IsCancellationRequested) throw Lost();
            if (entry.RefuseOnWish && lease.Wish is not null) throw new WishPendingException();
            _outbound!.Writer.TryWrite(_local.Append(entry, lease.Epoch));
        }
        trace.At(_id, entry.Step, $"after {entry.Kind}");
    }

    /// <summary>From here entries go to the local file first.</summary>
    public async Task EnterSectionAsync(bool proof)
    {
        await PatientlyAsync(cancel => lease.SetSectionAsync(open: true, proof, cancel));
        await WriteAsync(new JournalEntry("section", null, "critical section begins", clock.GetUtcNow()));
        Open();
    }

    /// <summary>For an operation that begins from memory: its first entry is what its row will be made of.</summary>
    public void Begin(JournalEntry first)
    {
        Open();
        _outbound!.Writer.TryWrite(_local!.Append(first, lease.Epoch));
    }

    private void Open()
    {
        _local = LocalJournal.Open(node.Directory, _id, lease.Epoch);
        _outbound = Channel.CreateUnbounded<JournalEntry>(new() { SingleReader = true });
        _pump = Task.Run(PumpAsync);
    }

    /// <summary>Waits until everything of the section is in the database, then writes there again.</summary>
    public async Task LeaveSectionAsync()
    {
        _outbound!.Writer.Complete();
        await _pump;
        var file = _local!;
        _local = null;
        file.Dispose();
        trace.At(_id, null, "section reconciled");
        await PatientlyAsync(cancel => lease.SetSectionAsync(open: false, proof: false, cancel));
        foreach (var written in LocalJournal.Files(node.Directory).Where(f => f.Operation == _id && f.Epoch == lease.Epoch))
            File.Delete(written.Path);
    }

    /// <summary>Takes over what an earlier epoch of this operation left on this node.</summary>
    public async Task ReconcileAsync()
    {
        foreach (var file in LocalJournal.Files(node.Directory).Where(f => f.Operation == _id && f.Epoch < lease.Epoch))
        {
            var known = 0L;
            await PatientlyAsync(async cancel => known = await database.LastLocalAsync(_id, file.Epoch, cancel));
            var missing = LocalJournal.Read(file.Path).Where(e => e.Local > known).ToList();
            foreach (var entry in missing.Where(e => e.Kind != Registration.Begin)) // that one is the row
                await PatientlyAsync(cancel => database.WriteAsync(_id, lease.Epoch, entry, cancel));
            OperationsLog.Reconciled(log, _id, file.Epoch, missing.Count);
            File.Delete(file.Path);
        }
    }

    /// <summary>Repeats while the database is away and the lease lasts.</summary>
    public async Task PatientlyAsync(Func<CancellationToken, Task> work)
    {
        while (true)
        {
            if (_over.IsCancellationRequested) throw Lost();
            try
            {
                await work(_over.Token);
                return;
            }
            catch (OperationCanceledException) when (_over.IsCancellationRequested)
            {
                throw Lost();
            }
            catch (Exception outage) when (Leases.IsOutage(outage))
            {
                if (InSection) OperationsLog.SectionOffline(log, _id, outage.Message);
                await PauseAsync(TimeSpan.FromMilliseconds(250));
            }
        }
    }

    private async Task PumpAsync()
    {
        await foreach (var entry in _outbound!.Reader.ReadAllAsync())
            await PatientlyAsync(cancel => entry.Kind == Registration.Begin ? RegisterAsync(entry, cancel) : database.WriteAsync(_id, lease.Epoch, entry, cancel));
    }

    private async Task RegisterAsync(JournalEntry begin, CancellationToken cancel)
    {
        await registration.RegisterAsync(_id, lease.Epoch, begin, node.Instance, cancel);
        lease.Registered();
    }

    private async Task PauseAsync(TimeSpan pause)
    {
        try
        {
            await Task.Delay(pause, clock, _over.Token);
        }
        catch (OperationCanceledException)
        {
            throw Lost();
        }
    }

    private LeaseLostException Lost() => new($"The lease of operation {_id} (epoch {lease.Epoch}) is over.");

    /// <summary>The file stays when the section was not left in order: whoever comes next on this node reads it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _outbound?.Writer.TryComplete();
        try
        {
            await _pump;
        }
        catch (LeaseLostException)
        {
            // What is missing in the database is in the file.
        }
        _local?.Dispose();
        _over.Dispose();
    }
}
