namespace OpsConsole.Core.Backups.Stores;

/// <summary>Names in a repository: what no store could take for something else, so that no name leads out of its repository.</summary>
public static class ObjectName
{
    public static string Check(string name) => IsValid(name) ? name : throw new ArgumentException($"\"{name}\" is no name of an object in a repository.", nameof(name));

    public static bool IsValid(string name) =>
        name.Length is > 0 and <= 512 && name.Split('/').All(part => part.Length > 0 && part[0] != '.' && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'));

    /// <summary>With the repository's own prefix in front.</summary>
    internal static string In(string prefix, string name) => prefix.Length == 0 ? name : $"{prefix.Trim('/')}/{name}";
}
