namespace OpsConsole.Core.Operations;

/// <summary>Who this process is. The name belongs to a slot of the journal directory that is locked while the process lives: whoever
/// holds the slot knows that its earlier holder is dead, and may take over that one's operations at once.</summary>
public sealed class NodeIdentity : IDisposable
{
    private const int Slots = 64;
    private readonly FileStream _lock;

    private NodeIdentity(string directory, string name, FileStream file) => (Directory, Name, _lock) = (directory, name, file);

    /// <summary>Stable over restarts: host name and a mark of the slot.</summary>
    public string Name { get; }
    /// <summary>Differs with each start.</summary>
    public string Instance { get; } = Guid.NewGuid().ToString("N");
    /// <summary>Where this node's local journals lie.</summary>
    public string Directory { get; }

    public static NodeIdentity Claim(string journalDirectory)
    {
        for (var slot = 0; slot < Slots; slot++)
        {
            var directory = Path.Combine(journalDirectory, $"node-{slot}");
            System.IO.Directory.CreateDirectory(directory);
            FileStream file;
            try
            {
                file = new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                continue; // another live process has it
            }
            var mark = Path.Combine(directory, "mark");
            if (!File.Exists(mark)) File.WriteAllText(mark, Guid.NewGuid().ToString("N")[..8]);
            return new NodeIdentity(directory, $"{Environment.MachineName}-{File.ReadAllText(mark).Trim()}", file);
        }
        throw new InvalidOperationException($"All {Slots} node slots below {journalDirectory} are taken: set Operations:JournalDirectory.");
    }

    public void Dispose() => _lock.Dispose();
}
