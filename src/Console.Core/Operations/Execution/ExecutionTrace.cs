using Microsoft.Extensions.Logging;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>The moments of an execution at which a process may die and the record and the world differ: before and after each entry and
/// each act. Logged at debug level; tests kill here.</summary>
internal class ExecutionTrace(ILogger<ExecutionTrace> log)
{
    public virtual void At(Guid operation, int? step, string point) => OperationsLog.Trace(log, operation, step, point);
}
