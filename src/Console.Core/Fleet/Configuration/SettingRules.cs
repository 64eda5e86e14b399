using System.Globalization;
using System.Text.RegularExpressions;

namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>A rule on the text of one setting, declared on its property. An empty text is never wrong by such a rule;
/// <see cref="System.ComponentModel.DataAnnotations.RequiredAttribute"/> says that it must not be empty.</summary>
[AttributeUsage(AttributeTargets.Property)]
public abstract class SettingRuleAttribute : Attribute
{
    /// <summary>What is wrong with the text, and how to mend it; null when nothing is.</summary>
    public abstract (string Problem, string Remedy)? Check(string value);
}

/// <summary>The value is a secret: it is never printed, logged, stored or shown.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SecretAttribute : Attribute;

public sealed partial class IdAttribute : SettingRuleAttribute
{
    public override (string Problem, string Remedy)? Check(string value) => Form().IsMatch(value)
        ? null
        : ($"\"{value}\" is not an id", "Use 1 to 63 lower case letters, digits and dashes, beginning with a letter, such as us-east-1.");

    [GeneratedRegex(@"^[a-z][a-z0-9-]{0,62}\z")]
    private static partial Regex Form();
}

public sealed partial class ApplicationNameAttribute : SettingRuleAttribute
{
    public override (string Problem, string Remedy)? Check(string value) => Form().IsMatch(value)
        ? null
        : ($"\"{value}\" cannot be the name of a standby and of its slot", "Use 1 to 63 lower case letters, digits, dashes and underscores.");

    [GeneratedRegex(@"^[a-z0-9_-]{1,63}\z")]
    private static partial Regex Form();
}

public sealed class HostPortTextAttribute : SettingRuleAttribute
{
    public override (string Problem, string Remedy)? Check(string value) => HostPort.TryParse(value, out _)
        ? null
        : ($"\"{value}\" is not host:port", "Write a host name or address, a colon and a port from 1 to 65535, such as 10.0.0.5:5432 or [::1]:5432.");
}

public sealed class SettingUrlAttribute(params string[] schemes) : SettingRuleAttribute
{
    public IReadOnlyList<string> Schemes { get; } = schemes;

    public override (string Problem, string Remedy)? Check(string value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var uri) && Schemes.Contains(uri.Scheme) && uri.Host.Length > 0 && (uri.Scheme != "tcp" || uri.Port > 0)
            ? null
            : ($"\"{value}\" is not a URL of the kind that is needed", $"Write an absolute URL beginning with {string.Join(" or ", Schemes.Select(s => s + "://"))}.");
}

public sealed class SettingFileAttribute : SettingRuleAttribute
{
    public override (string Problem, string Remedy)? Check(string value) =>
        SecretFiles.Unreadable(value) is { } reason ? ($"the file {value} cannot be read: {reason}", "Name a file that exists and that the console's user may read.") : null;
}

public sealed partial class FingerprintAttribute : SettingRuleAttribute
{
    public override (string Problem, string Remedy)? Check(string value) => Form().IsMatch(value)
        ? null
        : ($"\"{value}\" is not the fingerprint of a host key", "Copy it from `ssh-keygen -lf HOST_KEY.pub`: SHA256: and 43 characters.");

    [GeneratedRegex(@"^SHA256:[A-Za-z0-9+/]{43}=?\z")]
    private static partial Regex Form();
}

public sealed class StatusSetAttribute : SettingRuleAttribute
{
    public override (string Problem, string Remedy)? Check(string value) => IsSet(value)
        ? null
        : ($"\"{value}\" is not a set of HTTP status codes", "Write codes and ranges from 100 to 599, separated by commas, such as 200-399 or 200,204.");

    private static bool IsSet(string value) => value.Split(',').All(part =>
    {
        var ends = part.Trim().Split('-');
        return ends.Length <= 2 && ends.All(IsCode) && string.CompareOrdinal(ends[0], ends[^1]) <= 0;
    });

    private static bool IsCode(string text) =>
        text.Length == 3 && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code is >= 100 and <= 599;
}

public sealed class PatternAttribute : SettingRuleAttribute
{
    public override (string Problem, string Remedy)? Check(string value)
    {
        try
        {
            _ = new Regex(value, RegexOptions.NonBacktracking);
            return null;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return ($"\"{value}\" is not a usable regular expression: {e.Message}", "Mend the expression; back references and look-around are not supported.");
        }
    }
}

public sealed class HttpMethodNameAttribute : SettingRuleAttribute
{
    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    public override (string Problem, string Remedy)? Check(string value) => Methods.Contains(value, StringComparer.OrdinalIgnoreCase)
        ? null
        : ($"\"{value}\" is not an HTTP method", $"Use one of {string.Join(", ", Methods)}.");
}

public sealed partial class EmailAttribute : SettingRuleAttribute
{
    public override (string Problem, string Remedy)? Check(string value) => Form().IsMatch(value)
        ? null
        : ($"\"{value}\" is not an e-mail address", "Write it as name@example.com.");

    [GeneratedRegex(@"^[^@\s,;<>""]+@[^@\s,;<>""]+\.?[^@\s,;<>"".]+\z")]
    private static partial Regex Form();
}

public sealed partial class TelephoneAttribute : SettingRuleAttribute
{
    public override (string Problem, string Remedy)? Check(string value) => Form().IsMatch(value)
        ? null
        : ($"\"{value}\" is not a telephone number", "Write digits, spaces, dashes and brackets with an optional leading +, such as +1 555 0100.");

    [GeneratedRegex(@"^\+?[0-9][0-9 ()./-]{2,30}\z")]
    private static partial Regex Form();
}
