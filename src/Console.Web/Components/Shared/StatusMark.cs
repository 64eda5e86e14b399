using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Live;

namespace OpsConsole.Web.Components.Shared;

/// <summary>Status as icon, word and colour. Rows use <see cref="Of"/> (a fragment, no component); elsewhere <see cref="StatusBadge"/>.</summary>
public static class StatusMark
{
    public static string Word(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "healthy",
        HealthStatus.Degraded => "degraded",
        HealthStatus.Critical => "critical",
        HealthStatus.Failed => "failed",
        _ => "unknown",
    };

    public static string Css(HealthStatus status) => $"status-{Word(status)}";

    public static RenderFragment Of(HealthStatus status) => Fragment(Word(status), Word(status), "");

    public static RenderFragment Of(HealthStatus status, string size) => Fragment(Word(status), Word(status), size);

    /// <summary>The same look for other words: a link's state, a role, a verdict.</summary>
    public static RenderFragment Of(HealthStatus colour, string word, string size) => Fragment(Word(colour), word, size);

    private static RenderFragment Fragment(string status, string word, string size) => builder =>
    {
        builder.OpenElement(0, "span");
        builder.AddAttribute(1, "class", $"status status-{status} {size}");
        builder.AddMarkupContent(2, $"<svg class=\"icon\" aria-hidden=\"true\"><use href=\"/icons.svg#{status}\"></use></svg>");
        builder.AddContent(3, word);
        builder.CloseElement();
    };
}
