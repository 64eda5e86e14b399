using OpsConsole.Core.Chaos;

namespace OpsConsole.Core.Drivers.ChaosToolkit;

/// <summary>What became of one part of a foreign experiment, or why nothing did.</summary>
/// <param name="Part">as in <c>method[0] "slow the link"</c></param>
public sealed record MappedPart(string Part, bool Mapped, string Words);

/// <param name="Experiment">null when nothing of its method maps</param>
public sealed record ToolkitImport(Experiment? Experiment, IReadOnlyList<MappedPart> Parts);
