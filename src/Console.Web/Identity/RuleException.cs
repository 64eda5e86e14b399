namespace OpsConsole.Web.Identity;

/// <summary>A request that is understood and refused by a rule (422), with a sentence for each field that says how to mend it.
/// The field is empty when the refusal is about the whole request.</summary>
public sealed class RuleException(string field, string remedy) : Exception(remedy)
{
    public IReadOnlyDictionary<string, string[]> Errors { get; } = new Dictionary<string, string[]> { [field] = [remedy] };

    /// <summary>All remedies as one text, for a page.</summary>
    public string Sentence => string.Join(" ", Errors.Values.SelectMany(e => e));

    public RuleException(IReadOnlyDictionary<string, string[]> errors) : this("", "One or more fields need to be mended.") => Errors = errors;
}
