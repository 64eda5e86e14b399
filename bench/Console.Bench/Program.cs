using System.Globalization;
using OpsConsole.Bench.Backup;
using OpsConsole.Bench.Circuits;
using OpsConsole.Bench.Failover;
using OpsConsole.Bench.Faults;
using OpsConsole.Bench.Probes;
using OpsConsole.Bench.Together;

string Option(string name, string otherwise) => Array.IndexOf(args, "--" + name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : otherwise;
int Number(string name, int otherwise) => int.Parse(Option(name, otherwise.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);
double Interval() => double.Parse(Option("interval", "10"), CultureInfo.InvariantCulture);

switch (args.FirstOrDefault())
{
    case "backup":
        await new BackupBench(double.Parse(Option("gigabytes", "2.5"), CultureInfo.InvariantCulture), Number("rounds", 3), Number("port", 29300), Option("dir", Path.Combine("/var/tmp", $"opsconsole-bench-{Environment.ProcessId}"))).RunAsync();
        return 0;
    case "backup-fleet":
        await BackupFleetBench.RunAsync(Number("megabytes", 800), Number("rounds", 3), Number("seconds", 120), Number("port", 29000));
        return 0;
    case "backup-kills":
        return await BackupKills.RunAsync(Number("kills", 50), Number("port", 29000), Number("seed", 1));
    case "circuits":
        await CircuitsBench.RunAsync(Number("count", 500), Number("seconds", 60), Number("port", 29000), Option("path", "/services"));
        return 0;
    case "probes":
        await ProbesBench.RunAsync(Number("targets", 5000), Interval(), Number("seconds", 60), Number("port", 29000), Option("peers", "yes") == "yes");
        return 0;
    case "failover":
        return await FailoverBench.RunAsync(Number("runs", 5), Number("port", 29000), Option("latency", "off") == "on", Option("cases", "switchover,kill,hang"), args.Contains("--steps"), Option("results", ""));
    case "returner":
        return await ReturnerBench.RunAsync(Number("runs", 5), Number("port", 29000));
    case "faults":
        return await FaultsBench.RunAsync(Number("times", 20), Number("port", 29000), Option("only", ""));
    case "kills":
        return await KillsBench.RunAsync(Number("kills", 100), Number("port", 29000), Number("seed", 1));
    case "campaign":
        return await Campaigns.RunAsync(Option("kind", "stalls"), Number("count", 20), Number("port", 29000), Number("seed", 1));
    case "together":
        await TogetherBench.RunAsync(Number("targets", 500), Number("pages", 50), Number("seconds", 60), Number("port", 29000));
        return 0;
    case "peer":
        return await PeerBench.RunAsync(Option("system", "peer"), Option("name", "event"), Option("write", ""), Option("happen", "true"), Option("later", ""), Number("later-seconds", 0), Option("results", ""));
    case "table":
        return Results.PrintTable(Option("results", ""));
    case "targets":
        await Targets.RunAsync(Number("port", 29001));
        return 0;
    case "bare":
        await ProbesBench.LoopAsync(Number("targets", 5000), Interval(), Number("seconds", 60), Number("port", 29001));
        return 0;
    default:
        Console.Error.WriteLine("usage: OpsConsole.Bench backup [--gigabytes 2.5] [--rounds 3] [--port 29300] [--dir DIR]\n       OpsConsole.Bench backup-fleet [--megabytes 800] [--rounds 3] [--seconds 120] [--port 29000]\n       OpsConsole.Bench backup-kills [--kills 50] [--seed 1] [--port 29000]\n       OpsConsole.Bench circuits [--count 500] [--seconds 60] [--port 29000] [--path /services]\n       OpsConsole.Bench probes [--targets 5000] [--interval 10] [--seconds 60] [--port 29000] [--peers yes|no]\n       OpsConsole.Bench failover [--runs 5] [--cases switchover,kill,hang] [--latency off] [--steps] [--port 29000]\n       OpsConsole.Bench returner [--runs 5] [--port 29000]\n       OpsConsole.Bench faults [--times 20] [--only ID,ID] [--port 29000]\n       OpsConsole.Bench kills [--kills 100] [--seed 1] [--port 29000]\n       OpsConsole.Bench campaign --kind stalls|frozen|observer|console|primary [--count 20] [--seed 1] [--port 29000]\n       OpsConsole.Bench together [--targets 500] [--pages 50] [--seconds 60] [--port 29000]");
        return 64;
}
