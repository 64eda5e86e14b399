using System.Text;

namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>One thing that is wrong in the configuration.</summary>
/// <param name="Path">Path of the setting, <c>Fleet:Regions:0:Priority</c>.</param>
/// <param name="Problem">What is wrong, without any secret.</param>
/// <param name="Remedy">How to mend it.</param>
public sealed record ConfigurationMistake(string Path, string Problem, string Remedy);

/// <summary>Nothing starts half-configured: all mistakes at once. The process prints <see cref="Describe"/> and ends with <see cref="ExitCode"/>.</summary>
public sealed class ConfigurationMistakesException : Exception
{
    /// <summary>EX_CONFIG of sysexits.h.</summary>
    public const int ExitCode = 78;

    public ConfigurationMistakesException(IReadOnlyList<ConfigurationMistake> mistakes)
        : base(Describe(mistakes)) => Mistakes = mistakes;

    public ConfigurationMistakesException() : this([])
    {
    }

    public ConfigurationMistakesException(string message) : base(message)
    {
    }

    public ConfigurationMistakesException(string message, Exception inner) : base(message, inner)
    {
    }

    public IReadOnlyList<ConfigurationMistake> Mistakes { get; } = [];

    /// <summary>The list as a person reads it on a terminal.</summary>
    public static string Describe(IReadOnlyList<ConfigurationMistake> mistakes)
    {
        var text = new StringBuilder();
        text.Append("OpsConsole did not start: ").Append(mistakes.Count).Append(mistakes.Count == 1 ? " mistake" : " mistakes").AppendLine(" in the configuration.");
        var number = 0;
        foreach (var mistake in mistakes)
        {
            text.AppendLine().Append(++number).Append(". ").AppendLine(mistake.Path)
                .Append("   ").AppendLine(mistake.Problem)
                .Append("   To mend it: ").AppendLine(mistake.Remedy);
        }
        return text.ToString();
    }
}
