using System.Globalization;
using OpsConsole.Bench.Circuits;

string Option(string name, string otherwise) => Array.IndexOf(args, "--" + name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : otherwise;
int Number(string name, int otherwise) => int.Parse(Option(name, otherwise.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);

switch (args.FirstOrDefault())
{
    case "circuits":
        await CircuitsBench.RunAsync(Number("count", 500), Number("seconds", 60), Number("port", 29000), Option("path", "/services"));
        return 0;
    default:
        Console.Error.WriteLine("usage: Console.Bench circuits [--count 500] [--seconds 60] [--port 29000] [--path /services]");
        return 64;
}
