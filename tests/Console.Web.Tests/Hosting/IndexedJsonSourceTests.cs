using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.FileProviders;
using OpsConsole.Web.Hosting;

namespace OpsConsole.Web.Tests.Hosting;

public sealed class IndexedJsonSourceTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("opsconsole-indexed-").FullName;

    [Fact]
    public void AsEnumerable_AnyFile_GivesWhatTheLibrarysProviderGives()
    {
        Write(new
        {
            Fleet = new { Name = "a", Empty = new { }, None = (string?)null, Regions = Enumerable.Range(0, 12).Select(i => new { Id = $"r{i}", Zones = new[] { "US", "EU" } }) },
            fleet2 = 1,
        });

        Assert.Equal(Read(new JsonConfigurationSource()).AsEnumerable(), Read(new IndexedJsonSource()).AsEnumerable());
    }

    [Fact]
    public void AsEnumerable_ValuesOnTop_AreMergedInOrder()
    {
        Write(new { List = new[] { "a", "b" } });
        static IConfiguration With(JsonConfigurationSource source, string directory) => new ConfigurationBuilder()
            .Add(Source(source, directory)).AddInMemoryCollection(new Dictionary<string, string?> { ["LIST:1"] = "B", ["List:10"] = "k", ["List:2"] = "c" }).Build();

        Assert.Equal(With(new JsonConfigurationSource(), _directory).AsEnumerable(), With(new IndexedJsonSource(), _directory).AsEnumerable());
    }

    [Fact]
    public void AsEnumerable_TwentyThousandSettings_TakesLittleTime()
    {
        Write(new { Services = Enumerable.Range(0, 4000).Select(i => new { Id = $"s{i}", Region = "r", Probes = new[] { new { Kind = "http", Target = "http://x" } } }) });
        var configuration = Read(new IndexedJsonSource());
        var clock = Stopwatch.StartNew();

        Assert.Equal(16_000, configuration.AsEnumerable().Count(p => p.Value is not null));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"{clock.Elapsed}"); // the library's own takes about a minute
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void Write(object content) => File.WriteAllText(Path.Combine(_directory, "fleet.json"), JsonSerializer.Serialize(content));

    private IConfigurationRoot Read(JsonConfigurationSource source) => new ConfigurationBuilder().Add(Source(source, _directory)).Build();

    private static JsonConfigurationSource Source(JsonConfigurationSource source, string directory)
    {
        (source.FileProvider, source.Path) = (new PhysicalFileProvider(directory), "fleet.json");
        return source;
    }
}
