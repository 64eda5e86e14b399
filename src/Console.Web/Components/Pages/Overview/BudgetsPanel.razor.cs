using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Objectives;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Overview;

/// <summary>OB-4, read at most every ten seconds for all viewers together.</summary>
public partial class BudgetsPanel() : RenewedPanel<IReadOnlyList<ErrorBudget>>("budgets", TimeSpan.FromSeconds(10))
{
    [Inject]
    public required IObjectives Objectives { get; set; }

    protected override Task<IReadOnlyList<ErrorBudget>> ReadAsync(DateTimeOffset now) => Objectives.ErrorBudgetsAsync();
}
