namespace OpsConsole.Web.Components.Live;

/// <summary>Cascaded to every page. While <see cref="Fresh"/> is false the picture is no longer renewed: values are dimmed and
/// dangerous buttons are disabled. (A page that lost its own connection learns that in the browser.)</summary>
/// <param name="At">Time of the newest picture when this was said.</param>
public sealed record LiveLink(bool Fresh, DateTimeOffset At)
{
    public static LiveLink Unknown { get; } = new(false, DateTimeOffset.UnixEpoch);
}
