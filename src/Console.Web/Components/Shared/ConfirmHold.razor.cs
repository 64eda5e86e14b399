using Microsoft.AspNetCore.Components;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Shared;

/// <summary>For risky acts: hold the button to confirm. A short press (or one by keyboard or screen reader, which cannot hold)
/// asks once more instead. The hold is measured on the server, so that a script that failed to load confirms nothing.</summary>
public partial class ConfirmHold
{
    /// <summary>Network jitter may shorten the hold that the server sees.</summary>
    private const double Tolerance = 0.75;

    private long? _pressed;
    private bool _asking;

    [Inject]
    public required TimeProvider Clock { get; set; }

    [CascadingParameter]
    public LiveLink? Link { get; set; }

    /// <summary>Verb and target: "Pause monitoring of us-east-1".</summary>
    [Parameter, EditorRequired]
    public required string Text { get; set; }

    /// <summary>The beginning of <see cref="Text"/> that is enough to see where the row around it names the target: "Run". Its name stays the whole.</summary>
    [Parameter]
    public string? Shown { get; set; }

    [Parameter]
    public double HoldSeconds { get; set; } = 1.2;

    [Parameter]
    public bool Disabled { get; set; }

    [Parameter, EditorRequired]
    public EventCallback OnConfirm { get; set; }

    private string Unshown => Shown is not null && Text.StartsWith(Shown, StringComparison.Ordinal) ? Text[Shown.Length..] : $" {Text}";

    // Before the circuit is there a press would be lost.
    private bool Blocked => Disabled || !RendererInfo.IsInteractive || Link is { Fresh: false };

    private void Press() => _pressed = Clock.GetTimestamp();

    private async Task ReleaseAsync()
    {
        var held = _pressed is { } since ? Clock.GetElapsedTime(since).TotalSeconds : 0;
        _pressed = null;
        if (held >= HoldSeconds * Tolerance) await ConfirmAsync();
        else _asking = true;
    }

    private async Task ConfirmAsync()
    {
        _asking = false;
        if (!Blocked) await OnConfirm.InvokeAsync();
    }
}
