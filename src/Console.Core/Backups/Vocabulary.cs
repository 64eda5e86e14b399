namespace OpsConsole.Core.Backups;

// Words of the domain; camelCase on the wire and in the database.

/// <summary>Full and incremental are physical (they restore the whole cluster, to a moment); logical is a dump of chosen databases; configuration is how the servers are set up.</summary>
public enum BackupType { Full, Incremental, Logical, Configuration }

/// <summary>How far a backup can be trusted. Taken: one copy is complete. Copied: every repository of its engine has one. Verified: the
/// checksums of every copy hold. Proven: it was restored, opened, and its data was right. Held is shown instead while a hold keeps it.</summary>
public enum BackupState { Taken, Copied, Verified, Proven, Failed, Expired, Held }

public enum CopyState { Stored, Verified, Failed, Expired }

/// <summary>Ids of the engines that come with the console.</summary>
public static class BackupEngines
{
    public const string PgBackRest = "pgbackrest";
    public const string Streaming = "streaming";
    public const string PgDump = "pgdump";
    public const string Configuration = "configuration";
}

public static class BackupTypes
{
    /// <summary>Holds the cluster's files, so that log can be replayed on it.</summary>
    public static bool IsPhysical(this BackupType type) => type is BackupType.Full or BackupType.Incremental;
}

public static class BackupStates
{
    /// <summary>A copy that failed its check may pass a later one; what is expired stays so.</summary>
    public static bool MayBecome(this BackupState from, BackupState to) => (from, to) switch
    {
        (BackupState.Expired or BackupState.Held, _) or (_, BackupState.Held) => false,
        (not BackupState.Failed, BackupState.Taken) => true, // a copy was found to be damaged: it is less than it was
        (_, BackupState.Failed or BackupState.Expired or BackupState.Verified) => true,
        (BackupState.Taken, BackupState.Copied) => true,
        (BackupState.Verified or BackupState.Proven, BackupState.Proven) => true,
        _ => false,
    };

    /// <summary>By itself; whether all that it builds on is, too, says <see cref="Backup.IsUsable"/>.</summary>
    public static bool IsUsable(this BackupState state) => state is not (BackupState.Failed or BackupState.Expired);
}
