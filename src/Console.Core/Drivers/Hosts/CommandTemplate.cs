using System.Text;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Hosts;

/// <summary>Fills <c>{name}</c>s of a command template with shell-quoted arguments. A placeholder inside quotes is refused: there the
/// argument's own quotes would end them.</summary>
public static class CommandTemplate
{
    /// <exception cref="HostShellException">A placeholder has no argument or stands inside quotes, or an argument holds a NUL.</exception>
    public static string Fill(string template, IReadOnlyDictionary<string, string>? arguments)
    {
        var filled = new StringBuilder(template.Length + 64);
        var quote = '\0';
        for (var i = 0; i < template.Length; i++)
        {
            var c = template[i];
            if (c == '\\' && quote != '\'' && i + 1 < template.Length)
            {
                filled.Append(c).Append(template[++i]);
                continue;
            }
            if (quote == '\0' ? c is '\'' or '"' : c == quote) quote = quote == '\0' ? c : '\0';
            if (c == '{' && NameAt(template, i) is { } name)
            {
                if (quote != '\0') throw new HostShellException($"The template quotes {{{name}}} itself. Take the quotes away: arguments are quoted.");
                if (arguments is null || !arguments.TryGetValue(name, out var value)) throw new HostShellException($"The template wants {{{name}}}, which this command does not give.");
                filled.Append(Quote(value));
                i += name.Length + 1;
                continue;
            }
            filled.Append(c);
        }
        return filled.ToString();
    }

    /// <summary>One word for a POSIX shell, whatever it holds.</summary>
    public static string Quote(string value)
    {
        if (value.Contains('\0', StringComparison.Ordinal)) throw new HostShellException("An argument holds a NUL character.");
        return $"'{value.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }

    // {name}: letters and digits only, and not ${name}, which is the shell's.
    private static string? NameAt(string template, int open)
    {
        if (open > 0 && template[open - 1] == '$') return null;
        var close = template.IndexOf('}', open);
        if (close <= open + 1) return null;
        var name = template[(open + 1)..close];
        return name.All(char.IsAsciiLetterOrDigit) && char.IsAsciiLetter(name[0]) ? name : null;
    }
}
