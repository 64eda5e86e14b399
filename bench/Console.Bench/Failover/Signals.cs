using System.Runtime.InteropServices;

namespace OpsConsole.Bench.Failover;

/// <summary>Signals without a process in between, whose start would take longer than the stall that is wanted. A process that is gone is passed over.</summary>
internal static partial class Signals
{
    private const int StopSignal = 19;
    private const int ContinueSignal = 18;

    public static void Stop(int process) => _ = Kill(process, StopSignal);

    public static void Continue(int process) => _ = Kill(process, ContinueSignal);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
