using System.Runtime.InteropServices;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Orders;

namespace OpsConsole.Sandbox;

/// <summary>Verbs: none runs the fleet; <c>orders-api FILE</c> is one region's application.</summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        try
        {
            return args is ["orders-api", var settings] ? await OrdersApi.RunAsync(settings) : await RunFleetAsync(args);
        }
        catch (SandboxException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    private static async Task<int> RunFleetAsync(string[] args)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = OnSignal(PosixSignal.SIGINT, stop);
        using var terminate = OnSignal(PosixSignal.SIGTERM, stop);
        using var hangUp = OnSignal(PosixSignal.SIGHUP, stop);
        var options = SandboxOptions.Parse(args, Environment.CurrentDirectory);
        try
        {
            await using var fleet = await EmbeddedFleet.StartAsync(options, Console.WriteLine, TimeProvider.System, stop.Token);
            Console.WriteLine(options.Consoles > 0
                ? $"OpsConsole is ready: {fleet.Consoles.Url(0)}"
                : $"The fleet is ready, without a console: {fleet.Paths.EndpointsFile}");
            await Task.Delay(Timeout.Infinite, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Console.WriteLine("Stopped.");
        }
        return 0;
    }

    private static PosixSignalRegistration OnSignal(PosixSignal signal, CancellationTokenSource stop) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            if (!stop.IsCancellationRequested)
            {
                Console.WriteLine("Stopping.");
                stop.Cancel();
            }
        });
}
