using System.Reflection;

namespace OpsConsole.Web.Tests;

/// <summary>The shape of the house (docs/architecture.md), held against the compiled assemblies and the sources.</summary>
public sealed class ArchitectureTests
{
    private static readonly string Root = FindRoot();

    [Theory]
    [InlineData("OpsConsole.Core", "Microsoft.AspNetCore.Http", "Microsoft.AspNetCore.Components", "Microsoft.AspNetCore.Mvc", "Hangfire", "OpsConsole.Web", "OpsConsole.Jobs", "OpsConsole.Sandbox", "MudBlazor")]
    [InlineData("OpsConsole.Jobs", "OpsConsole.Web", "OpsConsole.Sandbox", "Microsoft.AspNetCore.Components", "MudBlazor")]
    [InlineData("OpsConsole.Web", "OpsConsole.Sandbox")]
    [InlineData("OpsConsole.Sandbox", "OpsConsole.Web", "OpsConsole.Jobs", "OpsConsole.Core")]
    public void Assembly_References_StayWithinTheRule(string assembly, params string[] forbidden)
    {
        var references = Assembly.Load(assembly).GetReferencedAssemblies().Select(a => a.Name!).ToList();

        Assert.NotEmpty(references);
        Assert.DoesNotContain(references, r => forbidden.Any(f => r.StartsWith(f, StringComparison.Ordinal)));
    }

    [Fact]
    public void Web_OutsideProgram_DoesNotTouchJobs()
    {
        var offenders = Sources("src/Console.Web").Where(f => Path.GetFileName(f) != "Program.cs" && File.ReadAllText(f).Contains("OpsConsole.Jobs", StringComparison.Ordinal));

        Assert.Empty(offenders);
    }

    [Fact]
    public void Vendors_AreKnownOnlyToDrivers()
    {
        string[] vendorTypes = ["using Amazon.", "using Renci.SshNet"];
        var offenders = Sources("src/Console.Core").Where(f => !f.Contains("/Drivers/", StringComparison.Ordinal))
            .Where(f => vendorTypes.Any(File.ReadAllText(f).Contains));

        Assert.Empty(offenders);
    }

    /// <summary>A capability reads another's tables through its public services only: schema names stay in their own folder.</summary>
    [Theory]
    [InlineData("telemetry", "Health", "Live", "Objectives")]
    [InlineData("audit", "Audit")]
    [InlineData("ops", "Operations", "Approvals")]
    [InlineData("fleet", "Fleet")]
    [InlineData("chaos", "Chaos")]
    [InlineData("drills", "Drills")]
    [InlineData("backups", "Backups")]
    public void Schema_IsTouchedByItsOwnersOnly(string schema, params string[] owners)
    {
        var statement = new System.Text.RegularExpressions.Regex($@"\b(FROM|JOIN|INTO|UPDATE|COPY|TABLE)\s+{schema}\.", System.Text.RegularExpressions.RegexOptions.None);
        var files = Sources("src/Console.Core").Concat(Sources("src/Console.Jobs")).Concat(Sources("src/Console.Web")).ToList();
        var offenders = files.Where(f => statement.IsMatch(File.ReadAllText(f)))
            .Where(f => !owners.Any(o => f.Contains($"/{o}/", StringComparison.Ordinal)));

        Assert.NotEmpty(files);
        Assert.Empty(offenders);
    }

    private static IEnumerable<string> Sources(string folder) => Directory
        .EnumerateFiles(Path.Combine(Root, folder), "*.*", SearchOption.AllDirectories)
        .Where(f => f.EndsWith(".cs", StringComparison.Ordinal) || f.EndsWith(".razor", StringComparison.Ordinal))
        .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal));

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "OpsConsole.sln"))) directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("OpsConsole.sln not found above the test's directory");
    }
}
