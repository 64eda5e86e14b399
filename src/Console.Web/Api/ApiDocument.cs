using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace OpsConsole.Web.Api;

/// <summary>What the OpenAPI document says beyond the shapes.</summary>
public static class ApiDocument
{
    public static void Describe(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "OpsConsole",
                Version = "v1",
                Description = "JSON in camelCase; times in UTC with Z; durations in fields that end in Seconds, percentages in Percent. Errors are application/problem+json " +
                    "with a detail that says how to mend them. POSTs that start something take Idempotency-Key. Calls that need a second factor take X-Totp.",
            };
            document.Servers = [];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
            document.Components.SecuritySchemes["token"] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "Personal API token (opsc_...)." };
            document.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference("token", document)] = [] }];
            return Task.CompletedTask;
        });
    }
}
