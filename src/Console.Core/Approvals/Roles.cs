namespace OpsConsole.Core.Approvals;

/// <summary>Roles of AP-1. A user may hold several; each action names the ones that may do it (<see cref="Policies"/>).</summary>
public static class Roles
{
    public const string Viewer = "viewer";
    public const string Manager = "manager";
    public const string Operator = "operator";
    public const string Approver = "approver";
    public const string Administrator = "administrator";
    public const string Auditor = "auditor";

    public static IReadOnlyList<string> All { get; } = [Viewer, Manager, Operator, Approver, Administrator, Auditor];
}

/// <summary>Every permission, with the roles that hold it. UI and API use the same names; the role matrix test reads this table.</summary>
public static class Policies
{
    /// <summary>One's own account: who am I, sign out, change the password. Also before a one-time password was changed.</summary>
    public const string OwnAccount = "account.own";
    /// <summary>One's own second factor and API tokens.</summary>
    public const string ManageAccount = "account.manage";
    public const string ViewFleet = "fleet.view";
    public const string ViewReports = "reports.view";
    public const string Operate = "operations.request";
    public const string Approve = "operations.approve";
    public const string StopExperiments = "experiments.stop";
    public const string ManageUsers = "users.manage";
    public const string ManageSettings = "settings.manage";
    public const string ReadAudit = "audit.read";

    public static IReadOnlyDictionary<string, IReadOnlyList<string>> RolesFor { get; } = new Dictionary<string, IReadOnlyList<string>>
    {
        [OwnAccount] = Roles.All,
        [ManageAccount] = Roles.All,
        [ViewFleet] = Roles.All,
        [ViewReports] = Roles.All,
        [Operate] = [Roles.Operator, Roles.Administrator],
        [Approve] = [Roles.Approver],
        [StopExperiments] = [Roles.Operator, Roles.Approver, Roles.Administrator],
        [ManageUsers] = [Roles.Administrator],
        [ManageSettings] = [Roles.Administrator],
        [ReadAudit] = [Roles.Auditor, Roles.Administrator],
    };
}
