using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Web;

namespace OpsConsole.Web.Components;

/// <summary>The document. Every page is interactive, except those that say <c>[ExcludeFromInteractiveRouting]</c> (sign-in).</summary>
public partial class App
{
    [CascadingParameter]
    public required HttpContext HttpContext { get; set; }

    private IComponentRenderMode? PageMode => HttpContext.AcceptsInteractiveRouting() ? RenderMode.InteractiveServer : null;
}
