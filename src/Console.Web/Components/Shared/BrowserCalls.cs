using Microsoft.JSInterop;

namespace OpsConsole.Web.Components.Shared;

/// <summary>Calls into a browser that may have gone. A viewer who left is no error.</summary>
public static class BrowserCalls
{
    /// <returns>false: the browser has gone.</returns>
    public static async Task<bool> TryCallAsync(this IJSRuntime browser, string function, params object?[] arguments)
    {
        try
        {
            await browser.InvokeVoidAsync(function, arguments);
            return true;
        }
        catch (JSDisconnectedException)
        {
            return false;
        }
    }

    /// <inheritdoc cref="TryCallAsync(IJSRuntime, string, object?[])"/>
    public static async Task<bool> TryCallAsync(this IJSObjectReference module, string function, params object?[] arguments)
    {
        try
        {
            await module.InvokeVoidAsync(function, arguments);
            return true;
        }
        catch (JSDisconnectedException)
        {
            return false;
        }
    }

    public static async ValueTask TryDisposeAsync(this IJSObjectReference module)
    {
        try
        {
            await module.DisposeAsync();
        }
        catch (JSDisconnectedException)
        {
            // The browser has gone and its module with it.
        }
    }
}
