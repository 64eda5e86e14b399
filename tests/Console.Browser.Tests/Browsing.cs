using System.Text.Json;
using Microsoft.Playwright;

namespace OpsConsole.Browser.Tests;

/// <summary>Steps that several journeys take.</summary>
internal static class Browsing
{
    private const string Interactive = "() => document.documentElement.dataset.interactive === 'true'";

    /// <summary>Pages without a circuit.</summary>
    private static readonly string[] Plain = ["/account", "/users", "/settings"];

    /// <summary>Goes there and waits until the circuit answers, where there is one.</summary>
    public static async Task OpenAsync(this IPage page, string path)
    {
        await page.GotoAsync(path, new PageGotoOptions { WaitUntil = WaitUntilState.DOMContentLoaded });
        if (!Plain.Any(p => path.StartsWith(p, StringComparison.Ordinal))) await page.WaitForFunctionAsync(Interactive);
    }

    /// <summary>From the start of the navigation to the circuit's first answer, by the browser's own clock.</summary>
    public static async Task<TimeSpan> TimeToInteractiveAsync(this IPage page, string path)
    {
        await page.GotoAsync(path, new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
        var milliseconds = await page.EvaluateAsync<double>($"async () => {{ while (!({Interactive})()) await new Promise(requestAnimationFrame); return performance.now(); }}");
        return TimeSpan.FromMilliseconds(milliseconds);
    }

    /// <summary>Keeps what a person would see, beside the test's binaries (folder <c>screens</c>).</summary>
    public static Task ShootAsync(this IPage page, string name) =>
        page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(AppContext.BaseDirectory, "screens", $"{name}.png"), FullPage = true });

    /// <summary>Serious and critical findings of axe-core, each with where it is.</summary>
    public static async Task<IReadOnlyList<string>> SeriousFindingsAsync(this IPage page)
    {
        await page.EvaluateAsync(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "axe.min.js")));
        var findings = await page.EvaluateAsync<JsonElement>("""
            async () => (await axe.run()).violations
              .filter(v => v.impact === 'serious' || v.impact === 'critical')
              .map(v => `${v.id}: ${v.nodes.slice(0, 4).map(n => `${n.target.join(' ')} (${n.any[0]?.message ?? ''})`).join('; ')}`)
            """);
        return [.. findings.EnumerateArray().Select(f => f.GetString()!)];
    }
}
