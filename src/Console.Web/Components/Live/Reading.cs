namespace OpsConsole.Web.Components.Live;

/// <summary>A value read for a page: waiting, there, or not readable now (logged, and said in the page). A failed renewal keeps the last value.</summary>
public sealed partial class Reading<T>(ILogger logger)
    where T : class
{
    public T? Value { get; private set; }

    public bool Failed { get; private set; }

    public bool Waiting => Value is null && !Failed;

    public async Task ReadAsync(Func<Task<T>> read)
    {
        try
        {
            Value = await read();
            Failed = false;
        }
#pragma warning disable CA1031 // whatever kept the value from being read, the page says so and the log says what
        catch (Exception error)
#pragma warning restore CA1031
        {
            Failed = true;
            LogNotRead(typeof(T).Name, error);
        }
    }

    [LoggerMessage(4102, LogLevel.Warning, "{Reading} could not be read for a page")]
    private partial void LogNotRead(string reading, Exception error);
}
