using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Approvals;
using OpsConsole.Sandbox.Consoles;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Tests.Trust;

/// <summary>The first administrator sets up the first people: without codes, and each of them decides for themselves.</summary>
[Collection(TrustCollection.Name)]
public sealed class SandboxPeopleTests : IAsyncLifetime
{
    private readonly ConsoleUnderTest _console = new() { ForBrowsers = true };
    private readonly string _root = Directory.CreateTempSubdirectory("opsconsole-people").FullName;

    public async ValueTask InitializeAsync()
    {
        _console.Settings["Access:FirstAdministrator"] = FleetFile.FirstAdministrator;
        await _console.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _console.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task FirstPeople_MadeAtTheFirstStart_DecideForThemselvesAndOneLeftOutIsMadeLater()
    {
        var paths = await SandboxPaths.PrepareAsync(_root, RunUser.Find(), _ => { });
        var secrets = new SecretStore(paths.Secrets);
        var users = new ConsoleUsers(paths, secrets, TimeProvider.System, _ => { });
        await users.EnsureAsync(_console.Url, [await LogAsync()], TestContext.Current.CancellationToken);
        var people = Credentials(paths);
        Assert.Equal(7, people.Count);

        var (asker, first, second) = (await PersonAsync(people["operator"]), await PersonAsync(people["approver1"]), await PersonAsync(people["approver2"]));
        var (_, approval, hash) = await Asking.SubmitAsync(asker, "blueGreen");
        Assert.Equal("1", (await ApproveAsync(first, approval!, hash)).Is(200)["missing"]);
        Assert.Equal("approved", (await ApproveAsync(second, approval!, hash)).Is(200)["state"]);

        // Interrupted after one was made, before it was written down.
        var known = JsonSerializer.Deserialize<List<JsonElement>>(secrets.Get("users.json"))!;
        secrets.Put("users.json", JsonSerializer.Serialize(known.Where(k => k.GetProperty("email").GetString() != people["auditor"].GetProperty("email").GetString())));
        await _console.Database.ExecuteAsSuperuserAsync($"""DELETE FROM identity.used_code WHERE "UserId" = (SELECT "Id" FROM identity."user" WHERE "Email" = '{people["auditor"].GetProperty("email")}')""");
        await users.EnsureAsync(_console.Url, [], TestContext.Current.CancellationToken);
        var auditor = await PersonAsync(Credentials(paths)["auditor"]);
        (await auditor.GetAsync("/api/v1/audit?action=user.reset")).Is(200);
    }

    private static Task<Reply> ApproveAsync(TestPerson person, string approval, string hash) =>
        person.PostAsync($"/api/v1/approvals/{approval}/approve", new { planHash = hash }, person.Code());

    /// <summary>What the console printed at its first start.</summary>
    private async Task<string> LogAsync()
    {
        const string OneTime = "first-one-time-password";
        await using var scope = _console.Services.CreateAsyncScope();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<ConsoleUser>>();
        var administrator = (await users.FindByEmailAsync(FleetFile.FirstAdministrator))!;
        Assert.True((await users.RemovePasswordAsync(administrator)).Succeeded);
        Assert.True((await users.AddPasswordAsync(administrator, OneTime)).Succeeded);
        var log = Path.Combine(_root, "console.log");
        await File.WriteAllTextAsync(log, $"OpsConsole first administrator: {FleetFile.FirstAdministrator} one-time password: {OneTime}\n");
        return log;
    }

    private static Dictionary<string, JsonElement> Credentials(SandboxPaths paths) =>
        JsonSerializer.Deserialize<List<JsonElement>>(File.ReadAllText(paths.CredentialsFile))!.ToDictionary(c => c.GetProperty("email").GetString()!.Split('@')[0]);

    private async Task<TestPerson> PersonAsync(JsonElement credential)
    {
        var person = new TestPerson(_console, Guid.Empty, credential.GetProperty("email").GetString()!, credential.GetProperty("totpSecret").GetString()!);
        person.Api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", credential.GetProperty("apiToken").GetString());
        _ = person.Code(); // of the step before: enrolling took it
        (await person.GetAsync("/api/v1/me")).Is(200);
        return person;
    }
}
