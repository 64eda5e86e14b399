using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;

namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>Any setting <c>Key</c> may be given as <c>Key_FILE</c>: the path of a file that holds its value (one trailing line
/// break is taken off). Only settings inside a section are looked at, since the environment has variables of its own that end so.</summary>
public static class SecretFiles
{
    public const string Suffix = "_FILE";
    private const long LargestBytes = 64 * 1024;

    /// <summary>Adds the values of all readable files, on top of what is there. Files that cannot be read are reported with
    /// everything else by <see cref="FleetConfiguration"/> and <see cref="Mistakes"/>.</summary>
    public static IConfigurationManager AddSecretFiles(this IConfigurationManager configuration)
    {
        var values = new Dictionary<string, string?>();
        foreach (var (key, file) in References(configuration))
            if (string.IsNullOrEmpty(configuration[key]) && Unreadable(file) is null)
                values[key] = Read(file);
        configuration.AddInMemoryCollection(values);
        return configuration;
    }

    /// <summary>Files that cannot be read, and settings that are given both ways.</summary>
    public static IEnumerable<ConfigurationMistake> Mistakes(IConfiguration configuration)
    {
        foreach (var (key, file) in References(configuration))
            if (Unreadable(file) is { } reason)
                yield return new ConfigurationMistake(key + Suffix, $"the secret file {file} cannot be read: {reason}", "Create the file with the value as its only content, readable by the console's user.");
            else if (configuration[key] is { Length: > 0 } value && value != Read(file) && SecretReferences.SchemeOf(Read(file)) is null)
                yield return new ConfigurationMistake(key, $"is given twice, here and as {key}{Suffix}, with different values", "Keep one of the two.");
    }

    /// <summary>Why the file cannot be used; null when it can.</summary>
    internal static string? Unreadable(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return stream.Length > LargestBytes ? "it is larger than 64 KiB" : null;
        }
        catch (FileNotFoundException)
        {
            return "there is no such file";
        }
        catch (DirectoryNotFoundException)
        {
            return "its directory does not exist";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return e is UnauthorizedAccessException ? "access is denied, or it is a directory" : "it is not a readable file";
        }
    }

    private static IEnumerable<(string Key, string File)> References(IConfiguration configuration) => configuration.AsEnumerable()
        .Where(pair => pair.Key.Contains(':') && pair.Key.EndsWith(Suffix, StringComparison.Ordinal) && pair.Key.Length > Suffix.Length && pair.Value is not null)
        .Select(pair => (pair.Key[..^Suffix.Length], pair.Value!));

    [SuppressMessage("Globalization", "CA1307", Justification = "One character.")]
    private static string Read(string path)
    {
        var text = File.ReadAllText(path);
        return text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
    }
}
