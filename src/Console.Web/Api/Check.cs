using System.Globalization;
using OpsConsole.Web.Hosting;

namespace OpsConsole.Web.Api;

/// <summary>Gathers what is wrong with a request, field by field, so that the caller hears of all of it at once (400).</summary>
public sealed class Check
{
    private readonly Dictionary<string, string[]> errors = [];

    public void That(bool holds, string field, string remedy)
    {
        if (!holds)
            errors.TryAdd(field, [remedy]);
    }

    public int Range(string field, int value, int low, int high)
    {
        That(value >= low && value <= high, field, $"Give {low} to {high.ToString("N0", CultureInfo.InvariantCulture)}.");
        return value;
    }

    /// <summary>Characters; what people write goes on record for years.</summary>
    public const int Longest = 2000;

    public void Length(string field, string? text) => That(text is not { Length: > Longest }, field, "Use at most 2,000 characters.");

    /// <summary>A word of an enumeration in any case; null stays null.</summary>
    public T? Word<T>(string field, string? text) where T : struct, Enum
    {
        if (string.IsNullOrEmpty(text))
            return null;
        if (!char.IsAsciiDigit(text[0]) && Enum.TryParse<T>(text, ignoreCase: true, out var value) && Enum.IsDefined(value))
            return value;
        That(false, field, $"'{text}' is unknown; use {string.Join(", ", Enum.GetNames<T>().Select(n => char.ToLowerInvariant(n[0]) + n[1..]))}.");
        return null;
    }

    /// <summary>A name of the fleet or of the console; none given is none asked for.</summary>
    public void OneOf(string field, string? text, IEnumerable<string> known)
    {
        if (string.IsNullOrEmpty(text))
            return;
        var names = known.Order(StringComparer.Ordinal).ToList();
        That(names.Contains(text), field, $"'{text}' is unknown; use {string.Join(", ", names)}.");
    }

    /// <summary>An id that continues a list; null begins it.</summary>
    public Guid? Cursor(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return null;
        That(Guid.TryParse(text, out var id), "cursor", "Give back nextCursor as it was.");
        return id;
    }

    public IResult? Problem() => errors.Count == 0 ? null
        : Problems.Result(400, "The request cannot be read", errors.Count == 1 ? $"{errors.Keys.First()}: {errors.Values.First()[0]}" : "Several fields need to be mended.", ("errors", errors));
}
