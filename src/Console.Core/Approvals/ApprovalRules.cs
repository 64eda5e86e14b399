using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Approvals;

/// <summary>Who may decide. Pure: everything that matters is an argument.</summary>
internal static class ApprovalRules
{
    public static void Check(Approval approval, Person person, bool approve, string? planHash, ApprovalPolicy policy, DateTimeOffset now)
    {
        if (!person.May(Policies.Approve)) throw new NotAllowedException(Policies.Approve);
        if (approval.State != ApprovalState.Pending) throw new RequestRefusedException("state", $"The approval is {approval.State.Word()} already.");
        if (now >= approval.ExpiresAt) throw new RequestRefusedException("expired", $"The approval expired at {approval.ExpiresAt:u}. Ask again.");
        if (approve && person.IsSameHuman(approval.RequestedById, approval.RequestedIdentities)) throw new RequestRefusedException("selfApproval", "Nobody approves what they have asked for themselves.");
        if (approval.Decisions.Any(d => d.PersonId == person.Id)) throw new RequestRefusedException("decided", "You have decided on this already.");
        if (approve && approval.Decisions.Any(d => person.IsSameHuman(d.PersonId, d.Identities))) throw new RequestRefusedException("sameIdentity", "Another account of the same person has approved this already.");
        if (approve && planHash != approval.PlanHash) throw new RequestRefusedException("planHash", $"You approve the plan {planHash}, but {approval.PlanHash} is what would run. Look again.");
        if (approve && approval.Rule.StepUp && !IsFresh(person.StepUp, policy, now)) throw new StepUpRequiredException();
    }

    /// <summary>The person has agreed to exactly this already: the call is a repeated one.</summary>
    public static bool IsGiven(Approval approval, Person person, string? planHash) =>
        person.May(Policies.Approve) && planHash == approval.PlanHash && approval.Decisions.Any(d => d.Approve && d.PersonId == person.Id);

    public static bool IsFresh(StepUpProof? proof, ApprovalPolicy policy, DateTimeOffset now) =>
        proof is not null && now - proof.At <= TimeSpan.FromSeconds(policy.StepUpSeconds) && proof.At <= now.AddSeconds(5);
}
