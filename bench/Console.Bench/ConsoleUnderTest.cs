using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using OpsConsole.Testing;

namespace OpsConsole.Bench;

/// <summary>The console's own process, on a database of its own, with a fleet made for the measurement; signed in as its administrator.</summary>
internal sealed partial class ConsoleUnderTest : IAsyncDisposable
{
    private const string Password = "Bench-only-password-9";
    private readonly Process _process;
    private readonly TestDatabase _database;
    private readonly string _directory;

    private ConsoleUnderTest(Process process, TestDatabase database, string directory, Uri address)
    {
        (_process, _database, _directory, Address) = (process, database, directory, address);
        Http = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = address };
    }

    public Uri Address { get; }
    public HttpClient Http { get; }
    public string Cookie { get; private set; } = "";
    public TestDatabase Database => _database;

    /// <param name="fleet">content of the section Fleet</param>
    public static async Task<ConsoleUnderTest> StartAsync(object fleet, int port, IReadOnlyDictionary<string, string> settings)
    {
        var database = await TestDatabase.CreateAsync();
        var directory = Directory.CreateTempSubdirectory("opsconsole-bench-").FullName;
        var configuration = Path.Combine(directory, "fleet.json");
        await File.WriteAllTextAsync(configuration, JsonSerializer.Serialize(new
        {
            Urls = $"http://localhost:{port}",
            ConnectionStrings = new { Owner = database.Console.OwnerConnectionString, Console = database.Console.AppConnectionString },
            Fleet = fleet,
        }));
        var start = new ProcessStartInfo("dotnet", [ConsoleBinary()]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OPSCONSOLE_CONFIG"] = configuration;
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        foreach (var (key, value) in settings) start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        var process = Process.Start(start)!;
        var firstLine = new TaskCompletionSource<Match>();
        var log = new Queue<string>();
        void Read(string? line)
        {
            if (line is null) return;
            lock (log)
            {
                log.Enqueue(line);
                if (log.Count > 40) log.Dequeue();
            }
            if (OneTime().Match(line) is { Success: true } match) firstLine.TrySetResult(match);
        }
        process.OutputDataReceived += (_, e) => Read(e.Data);
        process.ErrorDataReceived += (_, e) => Read(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        var ended = process.WaitForExitAsync();
        if (await Task.WhenAny(firstLine.Task, ended, Task.Delay(TimeSpan.FromSeconds(60))) != firstLine.Task)
        {
            process.Kill();
            throw new InvalidOperationException($"The console did not start:\n{string.Join('\n', log)}");
        }
        var console = new ConsoleUnderTest(process, database, directory, new Uri($"http://localhost:{port}"));
        await console.SignInAsync(firstLine.Task.Result.Groups[1].Value, firstLine.Task.Result.Groups[2].Value);
        return console;
    }

    /// <summary>CPU time used so far, in seconds.</summary>
    public double CpuSeconds()
    {
        _process.Refresh();
        return _process.TotalProcessorTime.TotalSeconds;
    }

    /// <summary>Resident memory in bytes.</summary>
    public long ResidentBytes()
    {
        _process.Refresh();
        return _process.WorkingSet64;
    }

    private async Task SignInAsync(string email, string oneTime)
    {
        await WaitUntilReadyAsync();
        Cookie = await SessionAsync(email, oneTime);
        using var change = await SendAsync(HttpMethod.Put, "/api/v1/me/password", new { currentPassword = oneTime, newPassword = Password });
        change.EnsureSuccessStatusCode();
        Cookie = await SessionAsync(email, Password);
    }

    private async Task<string> SessionAsync(string email, string password)
    {
        using var response = await SendAsync(HttpMethod.Post, "/api/v1/session", new { email, password });
        response.EnsureSuccessStatusCode();
        return string.Join("; ", response.Headers.GetValues("Set-Cookie").Select(c => c.Split(';')[0]));
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, object body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body) };
        request.Headers.Add("X-OpsConsole", "1");
        if (Cookie.Length > 0) request.Headers.Add("Cookie", Cookie);
        return await Http.SendAsync(request);
    }

    private async Task WaitUntilReadyAsync()
    {
        for (var attempt = 0; attempt < 300; attempt++)
        {
            try
            {
                using var response = await Http.GetAsync("/healthz");
                if (response.StatusCode == HttpStatusCode.OK) return;
            }
            catch (HttpRequestException) when (!_process.HasExited)
            {
                // Not listening yet: asked again below.
            }
            await Task.Delay(100);
        }
        throw new InvalidOperationException("The console does not answer.");
    }

    private static string ConsoleBinary()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "OpsConsole.sln"))) directory = directory.Parent;
        var binary = Path.Combine(directory!.FullName, "src/Console.Web/bin/Release/net10.0/OpsConsole.Web.dll");
        return File.Exists(binary) ? binary : throw new InvalidOperationException("Build first: dotnet build OpsConsole.sln -c Release");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
        Http.Dispose();
        await _database.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [GeneratedRegex(@"^OpsConsole first administrator: (\S+) one-time password: (\S+)$")]
    private static partial Regex OneTime();
}
