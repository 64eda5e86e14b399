using Microsoft.AspNetCore.Components;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Shared;

/// <summary>For acts that cannot be undone: the name must be typed; the button says verb and target.</summary>
public partial class TypeToConfirm
{
    private string _typed = "";

    [CascadingParameter]
    public LiveLink? Link { get; set; }

    /// <summary>What must be typed: the region's name.</summary>
    [Parameter, EditorRequired]
    public required string Expected { get; set; }

    /// <summary>Verb and target: "Fail over us-east-1 to us-west-2".</summary>
    [Parameter, EditorRequired]
    public required string Text { get; set; }

    [Parameter]
    public bool Disabled { get; set; }

    [Parameter, EditorRequired]
    public EventCallback OnConfirm { get; set; }

    private bool Ready => !Disabled && Link is not { Fresh: false } && string.Equals(_typed.Trim(), Expected, StringComparison.Ordinal);

    private async Task ConfirmAsync()
    {
        if (!Ready) return;
        _typed = "";
        await OnConfirm.InvokeAsync();
    }
}
