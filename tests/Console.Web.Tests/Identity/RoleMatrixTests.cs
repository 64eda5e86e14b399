using System.Net;
using System.Text;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Approvals;

namespace OpsConsole.Web.Tests.Identity;

/// <summary>Every endpoint and page names a policy or stands on the list of what anybody may see; and every role is tried on each.</summary>
public sealed class RoleMatrixTests(ConsoleApp app)
{
    private static readonly string[] Anonymous =
    [
        "* /healthz", "* /readyz", "POST /api/v1/session/", "POST /api/v1/session/passkey/options", "POST /api/v1/session/passkey/", "* /api/v1/{**path}", "GET /openapi/{documentName}.json", "GET /docs", "* /signin", "* /denied", "* /error",
    ];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private IEnumerable<RouteEndpoint> Endpoints => app.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>().DistinctBy(Name);

    [Fact]
    public void EveryEndpoint_NamesAPolicyOrIsOnTheAnonymousList()
    {
        var open = Endpoints.Where(e => e.Metadata.GetMetadata<IAllowAnonymous>() is not null && !IsAsset(e)).Select(Name).Except(Anonymous).ToList();
        var unnamed = Endpoints.Where(e => e.Metadata.GetMetadata<IAllowAnonymous>() is null && !IsFramework(e))
            .Where(e => !e.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(a => a.Policy is { } p && Policies.RolesFor.ContainsKey(p)) && e.Metadata.GetMetadata<AuthorizationPolicy>() is null)
            .Select(Name).ToList();

        Assert.Empty(open);
        Assert.Empty(unnamed);
    }

    [Theory]
    [InlineData(Roles.Viewer)]
    [InlineData(Roles.Manager)]
    [InlineData(Roles.Operator)]
    [InlineData(Roles.Approver)]
    [InlineData(Roles.Administrator)]
    [InlineData(Roles.Auditor)]
    public async Task EveryEndpoint_TriedAsARole_AnswersAsThePolicySays(string role)
    {
        var wrong = new List<string>();
        foreach (var endpoint in Endpoints.Where(e => e.Metadata.GetMetadata<IAllowAnonymous>() is null && Policy(e) is not null && !IsFramework(e)))
        {
            // Signing out would end the try; it is the same policy as GET /me.
            if (Name(endpoint) is "DELETE /api/v1/session/" or "POST /signout")
                continue;
            using var client = await ClientAsync(role);
            var answer = await client.SendAsync(Request(endpoint), HttpCompletionOption.ResponseHeadersRead, Cancel);
            var refused = answer.StatusCode is HttpStatusCode.Unauthorized || await IsRoleRefusalAsync(answer)
                || answer.Headers.Location?.OriginalString.StartsWith("/denied", StringComparison.Ordinal) == true;
            var allowed = PoliciesOf(endpoint).All(p => Policies.RolesFor[p].Contains(role));
            if (refused == allowed)
                wrong.Add($"{Name(endpoint)} [{string.Join(", ", PoliciesOf(endpoint))}] as {role}: {(int)answer.StatusCode}");
        }
        Assert.Empty(wrong);
    }

    [Fact]
    public async Task EveryEndpoint_TriedByNobody_AsksForSignIn()
    {
        using var client = app.Nobody();
        var wrong = new List<string>();
        foreach (var endpoint in Endpoints.Where(e => e.Metadata.GetMetadata<IAllowAnonymous>() is null && Policy(e) is not null && !IsFramework(e)))
        {
            var answer = await client.SendAsync(Request(endpoint), HttpCompletionOption.ResponseHeadersRead, Cancel);
            var program = Path(endpoint).StartsWith("/api", StringComparison.Ordinal) || Path(endpoint).StartsWith("/hubs", StringComparison.Ordinal);
            if (program ? answer.StatusCode != HttpStatusCode.Unauthorized || answer.Content.Headers.ContentType?.MediaType != "application/problem+json"
                : answer.Headers.Location?.OriginalString.StartsWith("/signin?returnUrl=", StringComparison.Ordinal) != true)
                wrong.Add($"{Name(endpoint)}: {(int)answer.StatusCode}");
        }
        Assert.Empty(wrong);
    }

    private readonly Dictionary<string, System.Net.Http.Headers.AuthenticationHeaderValue> _tokens = [];

    private async Task<HttpClient> ClientAsync(string role)
    {
        if (!_tokens.TryGetValue(role, out var header))
        {
            using var first = await app.TokenAsync(role);
            _tokens[role] = header = first.DefaultRequestHeaders.Authorization!;
        }
        var client = app.CreateClient(new() { AllowAutoRedirect = false });
        client.DefaultRequestHeaders.Authorization = header;
        return client;
    }

    /// <summary>403 because of the role, not because a second factor is missing.</summary>
    private static async Task<bool> IsRoleRefusalAsync(HttpResponseMessage answer) =>
        answer.StatusCode == HttpStatusCode.Forbidden && !(await answer.Content.ReadAsStringAsync(Cancel)).Contains("stepUpRequired", StringComparison.Ordinal);

    private static HttpRequestMessage Request(RouteEndpoint endpoint)
    {
        var request = new HttpRequestMessage(new HttpMethod(Method(endpoint) is "*" ? "GET" : Method(endpoint)), Path(endpoint));
        if (request.Method != HttpMethod.Get)
            request.Content = new StringContent("[]", Encoding.UTF8, "application/json"); // no call takes this: nothing is done by whoever may
        return request;
    }

    private static string Path(RouteEndpoint endpoint) => "/" + string.Join('/', endpoint.RoutePattern.PathSegments.Select(segment => string.Concat(segment.Parts.Select(part => part switch
    {
        RoutePatternLiteralPart literal => literal.Content,
        RoutePatternSeparatorPart separator => separator.Content,
        RoutePatternParameterPart { ParameterPolicies: [{ Content: "guid" }, ..] } => "00000000-0000-0000-0000-000000000001",
        RoutePatternParameterPart { ParameterPolicies: [{ Content: "long" or "int" }, ..] } => "1",
        _ => "nothing-of-this-name",
    }))));

    private static string Method(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods is [var method] ? method : "*";

    private static string Name(RouteEndpoint endpoint) => $"{Method(endpoint)} /{endpoint.RoutePattern.RawText?.TrimStart('/')}";

    private static List<string> PoliciesOf(RouteEndpoint endpoint) =>
        [.. endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Select(a => a.Policy).OfType<string>().Distinct()];

    private static string? Policy(RouteEndpoint endpoint) => PoliciesOf(endpoint).FirstOrDefault();

    /// <summary>Blazor's and SignalR's own transports: behind the fallback policy.</summary>
    private static bool IsFramework(RouteEndpoint endpoint) =>
        endpoint.RoutePattern.RawText is { } path && (path.Contains("_blazor", StringComparison.Ordinal) || path.Contains("_framework", StringComparison.Ordinal)
            || path.StartsWith("hangfire", StringComparison.OrdinalIgnoreCase))
        || endpoint.Metadata.GetMetadata<ComponentTypeMetadata>() is null && endpoint.DisplayName?.Contains("fallback", StringComparison.OrdinalIgnoreCase) == true && endpoint.RoutePattern.RawText?.StartsWith("api", StringComparison.Ordinal) != true;

    private static bool IsAsset(RouteEndpoint endpoint) =>
        endpoint.Metadata.Any(m => m.GetType().Name.Contains("StaticAsset", StringComparison.Ordinal)) || endpoint.RoutePattern.RawText?.StartsWith("docs/scalar", StringComparison.Ordinal) == true
        || endpoint.RoutePattern.RawText?.StartsWith("/docs/scalar", StringComparison.Ordinal) == true;
}
