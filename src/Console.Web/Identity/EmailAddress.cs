namespace OpsConsole.Web.Identity;

public static class EmailAddress
{
    public const string Remedy = "Give an e-mail address such as ada@example.org.";

    /// <summary>One address, no display name, at most 254 characters.</summary>
    public static bool IsValid(string? text) =>
        text is { Length: > 2 and <= 254 } && !text.Any(char.IsWhiteSpace) && System.Net.Mail.MailAddress.TryCreate(text, out var address) && address.Address == text;
}
