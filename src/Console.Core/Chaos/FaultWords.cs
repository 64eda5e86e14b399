namespace OpsConsole.Core.Chaos;

/// <summary>Kinds of fault as a person says them.</summary>
internal static class FaultWords
{
    public static string Verb(string kind) => kind switch
    {
        FaultKinds.NetworkLatency => "Slow",
        FaultKinds.NetworkBandwidth => "Narrow",
        FaultKinds.NetworkLoss => "Disturb connections of",
        FaultKinds.NetworkPartition => "Part",
        FaultKinds.RegionCutOff => "Cut off",
        FaultKinds.HostCpu => "Press the processors of",
        FaultKinds.HostMemory => "Take memory of",
        FaultKinds.HostDisk => "Fill the scratch disk of",
        FaultKinds.ProcessKill => "Kill",
        FaultKinds.ProcessRestart or FaultKinds.ContainerRestart => "Stop",
        FaultKinds.ProcessFreeze => "Freeze",
        FaultKinds.DatabaseSessions => "End sessions on",
        FaultKinds.DatabaseConnections => "Use up connections of",
        FaultKinds.DatabaseSlow => "Lock tables in pulses on",
        FaultKinds.DatabaseFailover => "Switch over",
        FaultKinds.ApplicationErrors => "Let requests fail at",
        FaultKinds.ApplicationLatency => "Delay requests at",
        FaultKinds.BalancerDown => "Close the frontends of",
        _ => kind,
    };

    public static string Undo(string kind) => kind switch
    {
        FaultKinds.ProcessKill or FaultKinds.ProcessRestart or FaultKinds.ContainerRestart => "start it again and see it running",
        FaultKinds.ProcessFreeze => "let it go on and see it running",
        FaultKinds.DatabaseFailover => "switch back to where it was",
        FaultKinds.DatabaseSessions or FaultKinds.DatabaseConnections or FaultKinds.DatabaseSlow => "end the disturbing sessions and see that none is left",
        FaultKinds.ApplicationErrors or FaultKinds.ApplicationLatency => "switch it off and read it back",
        FaultKinds.BalancerDown => "open them again and read it back",
        FaultKinds.HostCpu or FaultKinds.HostMemory or FaultKinds.HostDisk => "end it by its marker and see that nothing is left",
        _ => "take the toxics away by their names and read back that none is left",
    };
}
