using System.Text.Json.Nodes;
using OpsConsole.Web.Components.Pages.Operations;

namespace OpsConsole.Web.Tests.Components;

public sealed class ResultWordsTests
{
    [Theory]
    [InlineData("measuredRtoSeconds", "0.312", "Writes paused", "312 ms, to within 20 ms")]
    [InlineData("measuredRtoSeconds", "null", "Writes paused", "–")]
    [InlineData("lostBytes", "2048", "Written but not promoted", "2 KiB")]
    [InlineData("lostHeartbeats", "0", "Acknowledged heartbeats lost", "0")]
    [InlineData("servicesMoved", """["a","b"]""", "Services moved", "a, b")]
    [InlineData("fencing", """{"rung":2,"said":["it rejects clients; verified."]}""", "Fence", "rung 2: it rejects clients; verified.")]
    [InlineData("restoreSeconds", "90", "Restore seconds", "90 s")]
    [InlineData("somethingNew", """{"of":3,"left":[]}""", "Something new", "Of: 3; Left: ")]
    public void Of_Value_IsInPeoplesWords(string name, string value, string label, string text) =>
        Assert.Equal((label, text), ResultWords.Of(name, JsonNode.Parse(value), new JsonObject { ["resolutionSeconds"] = 0.02 }));

    [Fact]
    public void Of_RestoreIntoANewInstance_NobodysWritesPaused() =>
        Assert.Equal(("Open after", "90 s"), ResultWords.Of("measuredRtoSeconds", 90, new JsonObject { ["copySeconds"] = 60 }));

    [Fact]
    public void Of_Findings_SaysWhichIsWrong() => Assert.Equal(("Checks", "one: 1; two: 2, expected 3 (wrong)"),
        ResultWords.Of("findings", JsonNode.Parse("""[{"name":"one","passed":true,"answer":"1"},{"name":"two","passed":false,"answer":"2, expected 3"}]"""), []));

    [Fact]
    public void Of_PartOfAnotherRow_IsLeftOut() => Assert.Null(ResultWords.Of("resolutionSeconds", 0.02, []));
}
