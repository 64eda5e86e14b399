using Microsoft.Extensions.Logging;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>What every execution on this node shares.</summary>
internal sealed record ExecutionParts(
    ConsoleDatabase Database, OperationReader Reader, OperationStateChanger Changer, DatabaseJournal Journal, Registration Registration, Leases Leases, StepRegistry Steps,
    PlannerRegistry Planners, IFleetSessions Fleet, ExecutionTrace Trace, OperationSignals Signals, NodeIdentity Node, OperationsOptions Options,
    TimeProvider Clock, ILogger<OperationRunner> Log);
