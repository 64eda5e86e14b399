namespace OpsConsole.Web.Api;

/// <summary>For POSTs that start something: the same <c>Idempotency-Key</c> from the same person gives the same operation, on any node and for
/// good; for another request it is refused (422). The operation's own row keeps it.</summary>
public static class Idempotency
{
    public const string Header = "Idempotency-Key";
    private const int LongestKey = 200;

    /// <returns>null: none was sent</returns>
    public static string? IdempotencyKey(this HttpContext context, Check check)
    {
        var key = context.Request.Headers[Header].ToString();
        check.That(key.Length <= LongestKey, Header, $"Use at most {LongestKey} characters, such as a UUID.");
        return key.Length == 0 ? null : key;
    }
}
