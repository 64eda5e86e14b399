namespace OpsConsole.Core.Operations;

/// <summary>Configuration section <c>Operations</c>. Times are in seconds.</summary>
public sealed class OperationsOptions
{
    public const string Section = "Operations";

    /// <summary>Directory of the local journals, on a disk that survives the process; kept from start to start. Several consoles
    /// of one host may share it.</summary>
    public string JournalDirectory { get; set; } = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "opsconsole", "journal");
    /// <summary>A runner that has not renewed for so long has lost the operation. 0.2 to 60.</summary>
    public double LeaseSeconds { get; set; } = 6;
    /// <summary>How often a lease is renewed; less than half of it. 0.05 to 30.</summary>
    public double RenewSeconds { get; set; } = 2;
    /// <summary>How often a node looks for orphans; an expired lease must be seen twice. With the lease: takeover within 6 + 1.5 + 1.5 s.</summary>
    public double PollSeconds { get; set; } = 1.5;
    /// <summary>How long a critical section may run without the console's database. A node that dies inside is replaced sooner when
    /// its sessions on the fleet are seen to be gone. 5 to 600.</summary>
    public double SectionSeconds { get; set; } = 60;
    /// <summary>Operations that one node runs at once. 1 to 256.</summary>
    public int Parallel { get; set; } = 32;
    /// <summary>Tries of a step past a forward-only one, and of each undo, with doubling pauses. 1 to 100.</summary>
    public int StubbornAttempts { get; set; } = 8;
    /// <summary>First pause between tries; doubles up to <see cref="LongestPauseSeconds"/>. 0 to 60.</summary>
    public double FirstPauseSeconds { get; set; } = 0.25;
    public double LongestPauseSeconds { get; set; } = 10;
    /// <summary>How long an interrupted step that must not be repeated is watched before a person has to decide. 0 to 3,600.</summary>
    public double SettleSeconds { get; set; } = 30;

    internal IEnumerable<string> Mistakes()
    {
        if (JournalDirectory.Length == 0) yield return "Operations:JournalDirectory is empty: name a directory that is kept from start to start.";
        if (LeaseSeconds is < 0.2 or > 60) yield return $"Operations:LeaseSeconds is {LeaseSeconds}: give 0.2 to 60.";
        if (RenewSeconds is < 0.05 or > 30 || RenewSeconds * 2 > LeaseSeconds) yield return $"Operations:RenewSeconds is {RenewSeconds}: give 0.05 to 30, at most half of LeaseSeconds.";
        if (PollSeconds is < 0.05 or > 30) yield return $"Operations:PollSeconds is {PollSeconds}: give 0.05 to 30.";
        if (SectionSeconds is < 5 or > 600) yield return $"Operations:SectionSeconds is {SectionSeconds}: give 5 to 600.";
        if (Parallel is < 1 or > 256) yield return $"Operations:Parallel is {Parallel}: give 1 to 256.";
        if (StubbornAttempts is < 1 or > 100) yield return $"Operations:StubbornAttempts is {StubbornAttempts}: give 1 to 100.";
        if (FirstPauseSeconds is < 0 or > 60 || LongestPauseSeconds < FirstPauseSeconds) yield return "Operations:FirstPauseSeconds must be 0 to 60 and at most LongestPauseSeconds.";
        if (SettleSeconds is < 0 or > 3600) yield return $"Operations:SettleSeconds is {SettleSeconds}: give 0 to 3600.";
    }
}
