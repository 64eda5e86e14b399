using System.Collections.Immutable;

namespace OpsConsole.Core.Approvals;

/// <summary>A second factor that the web side has just verified.</summary>
/// <param name="Method"><c>totp</c> or <c>passkey</c></param>
public sealed record StepUpProof(string Method, DateTimeOffset At);

/// <summary>Who acts. Made by the web side from a session or token that it has validated.</summary>
/// <param name="Id">stable user id</param>
/// <param name="Identities">linked identities (<c>oidc:issuer:subject</c>): two accounts that share one are one human being</param>
/// <param name="From">address of the caller</param>
public sealed record Person(string Id, string Email, ImmutableArray<string> Roles, ImmutableArray<string> Identities, StepUpProof? StepUp = null, string? From = null)
{
    /// <summary>The console itself: schedules and detectors.</summary>
    public static Person Console { get; } = new("system", "system", [Core.Approvals.Roles.Operator], []);

    public bool May(string policy) => Policies.RolesFor[policy].Intersect(Roles).Any();

    public bool IsSameHuman(string id, IEnumerable<string> identities) => Id == id || Identities.Intersect(identities).Any();
}
