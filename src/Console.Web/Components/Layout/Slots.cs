namespace OpsConsole.Web.Components.Layout;

/// <summary>Places in the layout that capabilities fill with <c>SectionContent</c>.</summary>
public static class Slots
{
    /// <summary>In the header, always in sight.</summary>
    public const string EmergencyStop = "emergency-stop";

    /// <summary>Above the page: maintenance mode, paused automation.</summary>
    public const string Banners = "banners";
}
