using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;

namespace OpsConsole.Web.Api;

/// <summary>A body that may be left out altogether. Bound as a parameter it would keep calls without a content type from finding the endpoint:
/// the fallback for unknown calls would answer them.</summary>
public static class OptionalBody
{
    /// <returns>null: there is none</returns>
    /// <exception cref="BadHttpRequestException">there is one, and it cannot be read</exception>
    public static async Task<T?> ReadAsync<T>(HttpContext context) where T : class
    {
        if (context.Request.ContentLength == 0 || context.Request.ContentType is null && context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != true) return null;
        if (!context.Request.HasJsonContentType())
            throw new BadHttpRequestException("Send a JSON body with the header Content-Type: application/json, or none.", StatusCodes.Status415UnsupportedMediaType);
        try
        {
            return await context.Request.ReadFromJsonAsync<T>(context.RequestAborted);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new BadHttpRequestException("A JSON body is expected here, or none.", StatusCodes.Status400BadRequest, e);
        }
    }
}
