namespace OpsConsole.Web.Identity;

/// <summary>Where to go after a form: paths of this console only, so that a link cannot lead people elsewhere after they signed in.</summary>
public static class LocalUrl
{
    public static string OrHome(string? url) =>
        url is ['/', ..] && !url.StartsWith("//", StringComparison.Ordinal) && !url.StartsWith("/\\", StringComparison.Ordinal) && !url.Any(char.IsControl) ? url : "/";
}
