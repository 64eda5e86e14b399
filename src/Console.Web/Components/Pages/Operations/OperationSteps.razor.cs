using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Operations;

/// <summary>The steps of one operation, those around the current one unfolded.</summary>
public sealed partial class OperationSteps
{
    /// <summary>Fewer are not worth a fold.</summary>
    private const int Few = 3;
    private const int Before = 1;
    private const int After = 2;

    [Parameter, EditorRequired]
    public required Operation Operation { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    /// <summary>The step that runs or went wrong; else the next; else the last.</summary>
    private int Current
    {
        get
        {
            var steps = Operation.Steps;
            var at = steps.FirstOrDefault(s => s.State is StepState.Running or StepState.Undoing or StepState.Failed or StepState.UndoFailed) ?? steps.FirstOrDefault(s => !s.IsOver);
            return at?.Index ?? steps.Length - 1;
        }
    }

    private IEnumerable<(string Name, IReadOnlyList<OperationStep> Steps, bool Folded)> Parts
    {
        get
        {
            var (first, last) = (Current - Before, Current + After);
            if (first < Few) first = 0;
            if (Operation.Steps.Length - 1 - last < Few) last = Operation.Steps.Length - 1;
            return new (string Name, IReadOnlyList<OperationStep> Steps, bool Folded)[]
            {
                ("before", [.. Operation.Steps.Where(s => s.Index < first)], true),
                ("now", [.. Operation.Steps.Where(s => s.Index >= first && s.Index <= last)], false),
                ("after", [.. Operation.Steps.Where(s => s.Index > last)], true),
            }.Where(p => p.Steps.Count > 0);
        }
    }

    private bool Wanted(OperationStep step) => Navigation.Uri.EndsWith($"#step-{step.Index}", StringComparison.Ordinal);

    private static string Words(string name, IReadOnlyList<OperationStep> steps)
    {
        var states = string.Join(", ", steps.GroupBy(s => s.State).Select(g => $"{g.Count()} {Say.Word(g.Key)}"));
        return name == "before" ? $"Steps 1 to {steps.Count}: {states}" : $"Steps {steps[0].Index + 1} to {steps[^1].Index + 1}: {states}";
    }

    private static string Took(OperationStep step) => step is { StartedAt: { } started, EndedAt: { } ended } ? Say.Seconds((ended - started).TotalSeconds) : "";
}
