namespace OpsConsole.Core.Operations;

/// <summary>Hears of the end of operations that ran, or were about to run, on this node; once of each end. Must not throw and must not wait.</summary>
public interface IOperationEnd
{
    /// <param name="operation">as it is on record then</param>
    void Ended(Operation operation);
}
