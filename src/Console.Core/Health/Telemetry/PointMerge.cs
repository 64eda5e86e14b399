namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Merges rows that come ordered by series and time into points. A point of one row keeps that row's figures; only where
/// several meet are histograms unpacked.</summary>
internal sealed class PointMerge(HistoryPlan plan)
{
    private readonly Tally _tally = new();
    private RollUpRow _first;
    private DateTime _at;
    private int _rows;

    /// <returns>the point before, when this row begins another</returns>
    public RollUpRow? Add(in RollUpRow row)
    {
        var at = plan.Floor(row.At);
        if (_rows > 0 && (row.Series != _first.Series || at != _at))
        {
            var complete = End();
            Begin(row, at);
            return complete;
        }
        if (_rows == 0)
        {
            Begin(row, at);
            return null;
        }
        if (_rows++ == 1)
        {
            _tally.Clear();
            _tally.AddRow(_first);
        }
        _tally.AddRow(row);
        return null;
    }

    /// <returns>the last point; null when there was none</returns>
    public RollUpRow? End() => _rows switch
    {
        0 => null,
        1 => _first with { At = _at },
        _ => _tally.ToRow(_first.Series, _at),
    };

    private void Begin(in RollUpRow row, DateTime at) => (_first, _at, _rows) = (row, at, 1);
}
