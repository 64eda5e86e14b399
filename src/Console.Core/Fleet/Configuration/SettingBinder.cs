using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>Reads an options object from a section, property by property: a wrong setting becomes a mistake and keeps its default,
/// and the reading goes on.</summary>
internal sealed class SettingBinder(Mistakes mistakes)
{
    public T Bind<T>(IConfigurationSection section) where T : new() => (T)BindObject(typeof(T), section);

    private object BindObject(Type type, IConfigurationSection section)
    {
        var options = Activator.CreateInstance(type)!;
        mistakes.CameFrom(options, section.Path);
        if (section.Value is { Length: > 0 } && !section.GetChildren().Any())
            mistakes.Add(section.Path, "is a single value where a group of settings is needed", "Write an object in braces with the settings inside.");
        var properties = Properties(type);
        foreach (var child in section.GetChildren())
            BindChild(options, properties, child);
        foreach (var property in properties)
            Check(options, property);
        return options;
    }

    private void BindChild(object options, PropertyInfo[] properties, IConfigurationSection child)
    {
        var property = Array.Find(properties, p => p.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase));
        if (property is null)
        {
            if (!IsSecretFile(properties, child.Key))
                mistakes.Add(child.Path, "is not a setting", $"{Suggestion.Hint(child.Key, properties.Select(p => p.Name))}Settings here: {string.Join(", ", properties.Select(p => p.Name))}.");
            return;
        }
        if (Convert(property.PropertyType, child, IsSecret(property)) is not { } value)
            return;
        property.SetValue(options, value);
        mistakes.Given(options, property.Name);
    }

    private object? Convert(Type type, IConfigurationSection section, bool secret)
    {
        if (type == typeof(string) || Nullable.GetUnderlyingType(type) is not null || type.IsValueType)
            return Scalar(Nullable.GetUnderlyingType(type) ?? type, section, secret);
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(List<>))
            return List(type.GetGenericArguments()[0], section);
        return type == typeof(Dictionary<string, string>) ? Words(section) : BindObject(type, section);
    }

    private object? Scalar(Type type, IConfigurationSection section, bool secret)
    {
        if (section.Value is null && section.GetChildren().Any())
        {
            mistakes.Add(section.Path, "is a group of settings where a single value is needed", $"Write {Wanted(type)}.");
            return null;
        }
        if (section.Value is not { } text || (text.Length == 0 && type != typeof(string)))
            return null;
        if (Parse(type, text) is { } value)
            return value;
        var hint = type.IsEnum && !secret ? Suggestion.Hint(text, Words(type)) : "";
        mistakes.Add(section.Path, secret ? "has the wrong form" : $"\"{text}\" is not {Wanted(type)}", $"{hint}Write {Wanted(type)}.");
        return null;
    }

    private static object? Parse(Type type, string text)
    {
        if (type == typeof(string))
            return text;
        if (type == typeof(int))
            return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole : null;
        if (type == typeof(double))
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
        if (type == typeof(bool))
            return bool.TryParse(text, out var flag) ? flag : null;
        return char.IsLetter(text[0]) && !text.Contains(',') && Enum.TryParse(type, text, ignoreCase: true, out var word) ? word : null;
    }

    private static string Wanted(Type type) =>
        type == typeof(string) ? "a text"
        : type == typeof(int) ? "a whole number"
        : type == typeof(double) ? "a number"
        : type == typeof(bool) ? "true or false"
        : "one of " + string.Join(", ", Words(type));

    private static IEnumerable<string> Words(Type type) => Enum.GetNames(type).Select(JsonNamingPolicy.CamelCase.ConvertName);

    private IList List(Type element, IConfigurationSection section)
    {
        var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(element))!;
        if (section.Value is { Length: > 0 })
            mistakes.Add(section.Path, "is a single value where a list is needed", "Write a list in square brackets.");
        foreach (var child in section.GetChildren())
            if (!int.TryParse(child.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                mistakes.Add(child.Path, "is a name where a list is needed", "Write a list in square brackets; in the environment use __0, __1 and so on.");
            else if (Convert(element, child, secret: false) is { } value)
                list.Add(value);
        return list;
    }

    private Dictionary<string, string> Words(IConfigurationSection section)
    {
        var words = new Dictionary<string, string>();
        if (section.Value is { Length: > 0 })
            mistakes.Add(section.Path, "is a single value where names with values are needed", "Write an object in braces.");
        foreach (var child in section.GetChildren())
            if (child.Value is { } value)
                words[child.Key] = value;
            else
                mistakes.Add(child.Path, "is not a text", "Give each name one text as its value.");
        return words;
    }

    private void Check(object options, PropertyInfo property)
    {
        var value = property.GetValue(options);
        if (mistakes.HasAny(options, property.Name))
            return;
        var empty = value is null or "" || (property.PropertyType.IsValueType && !mistakes.IsGiven(options, property.Name));
        if (empty && property.GetCustomAttribute<RequiredAttribute>() is not null)
            mistakes.Add(options, property.Name, "is missing", $"Give {Wanted(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType)}.");
        else if (!empty && property.GetCustomAttribute<RangeAttribute>() is { } range && !range.IsValid(value))
            mistakes.Add(options, property.Name, string.Create(CultureInfo.InvariantCulture, $"{value} is out of range"), string.Create(CultureInfo.InvariantCulture, $"Give a value from {range.Minimum} to {range.Maximum}."));
        else if (value is string { Length: > 0 } text && property.GetCustomAttribute<SettingRuleAttribute>()?.Check(text) is { } wrong)
            mistakes.Add(options, property.Name, wrong.Problem, wrong.Remedy);
    }

    private static bool IsSecretFile(PropertyInfo[] properties, string key) =>
        key.EndsWith(SecretFiles.Suffix, StringComparison.Ordinal)
        && Array.Exists(properties, p => p.PropertyType == typeof(string) && p.Name.Equals(key[..^SecretFiles.Suffix.Length], StringComparison.OrdinalIgnoreCase));

    private static bool IsSecret(PropertyInfo property) => property.GetCustomAttribute<SecretAttribute>() is not null;

    private static PropertyInfo[] Properties(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
}
