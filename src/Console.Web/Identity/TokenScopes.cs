using OpsConsole.Core.Approvals;

namespace OpsConsole.Web.Identity;

/// <summary>What a token may do at most: <c>read</c>, <c>operate</c> (reads included), <c>admin</c> (everything its owner may do), or names
/// of policies, one by one.</summary>
public static class TokenScopes
{
    public const string Read = "read";
    public const string Operate = "operate";
    public const string Admin = "admin";

    private static readonly string[] Reading = [Policies.OwnAccount, Policies.ViewFleet, Policies.ViewReports, Policies.ReadAudit];
    private static readonly string[] Operating = [.. Reading, Policies.Operate, Policies.Approve, Policies.StopExperiments];

    public static IReadOnlyList<string> All { get; } = [Read, Operate, Admin, .. Policies.RolesFor.Keys];

    public static bool Allow(IEnumerable<string> scopes, string policy) => scopes.Any(scope => scope switch
    {
        Admin => true,
        Operate => Operating.Contains(policy),
        Read => Reading.Contains(policy),
        _ => scope == policy,
    });
}
