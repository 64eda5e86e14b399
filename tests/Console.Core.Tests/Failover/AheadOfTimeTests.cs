using System.Reflection;
using OpsConsole.Core.Failover.Detection;

namespace OpsConsole.Core.Tests.Failover;

public sealed class AheadOfTimeTests
{
    /// <summary>The runtime's own names, as this version has them: when they change, the first failover gets slower, and this says why.</summary>
    [Theory]
    [InlineData(nameof(PlainAsync))]
    [InlineData(nameof(NumberAsync))]
    [InlineData(nameof(TextAsync))]
    [InlineData(nameof(ValueAsync))]
    public void StateMachine_OfEachKindOfMethod_FindsWhatTheRuntimeBuildsAroundIt(string method)
    {
        var machine = typeof(AheadOfTimeTests).GetNestedTypes(BindingFlags.NonPublic).Single(t => t.Name.StartsWith($"<{method}>", StringComparison.Ordinal));
        Assert.InRange(AheadOfTime.StateMachine(machine), 12, 60);
    }

    [Fact]
    public void Compile_TypesOfTheCore_CountsMoreThanTheirOwnMethods()
    {
        var type = typeof(AheadOfTime).Assembly.GetTypes().Where(t => t.FullName!.StartsWith("OpsConsole.Core.Failover.OldPrimary", StringComparison.Ordinal)).ToList();
        Assert.True(AheadOfTime.Compile(type, default) > 10 * type.Count);
    }

    private static async Task PlainAsync() => await Task.Yield();
    private static async Task<int> NumberAsync() => await Task.FromResult(1);
    private static async Task<string> TextAsync() => await Task.FromResult("a");
    private static async ValueTask<int> ValueAsync() => await Task.FromResult(1);
}
