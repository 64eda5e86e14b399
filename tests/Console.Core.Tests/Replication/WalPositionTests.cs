using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Tests.Replication;

public sealed class WalPositionTests
{
    [Theory]
    [InlineData("16/B374D848", 0x16_B374D848)]
    [InlineData("0/0", 0)]
    [InlineData("FFFFFFFF/FFFFFFFF", ulong.MaxValue)]
    public void Parse_Text_RoundTrips(string text, ulong value)
    {
        Assert.Equal(value, WalPosition.Parse(text).Value);
        Assert.Equal(text, WalPosition.Parse(text).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("16")]
    [InlineData("16/")]
    [InlineData("x/y")]
    [InlineData("/16")]
    public void Parse_NotAPosition_Throws(string text) => Assert.Throws<FormatException>(() => WalPosition.Parse(text));

    [Fact]
    public void BytesAhead_Behind_IsZeroNotNegative() => Assert.Equal(0, new WalPosition(1).BytesAhead(new WalPosition(2)));

    [Fact]
    public void ByteRate_TwoSeconds_BytesPerSecond()
    {
        var rate = new ByteRate();
        var at = DateTimeOffset.UnixEpoch;

        Assert.Null(rate.Next(new WalPosition(1000), at));
        Assert.Equal(500, rate.Next(new WalPosition(2000), at.AddSeconds(2)));
    }
}
