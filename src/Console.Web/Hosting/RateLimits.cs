using System.Globalization;
using System.Security.Claims;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Hosting;

/// <summary>Sign-in tries per address, and a bucket per token or user far above what a script needs (20 reads a second are never limited).</summary>
public static class RateLimits
{
    /// <summary>Policy of what takes a password or a code without a session.</summary>
    public const string SignIn = "signIn";

    public static IServiceCollection AddRateLimits(this IServiceCollection services)
    {
        services.AddRateLimiter(_ => { });
        services.AddOptions<Microsoft.AspNetCore.RateLimiting.RateLimiterOptions>().Configure<IOptions<AccessOptions>>((limiter, access) =>
        {
            limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(context => Bucket(context, access.Value.RequestsPerSecond));
            limiter.AddPolicy(SignIn, context => HttpMethods.IsGet(context.Request.Method) ? RateLimitPartition.GetNoLimiter("") : RateLimitPartition.GetFixedWindowLimiter(
                context.Connection.RemoteIpAddress?.ToString() ?? "", _ => new FixedWindowRateLimiterOptions { PermitLimit = access.Value.SignInsPerMinute, Window = TimeSpan.FromMinutes(1) }));
            limiter.OnRejected = async (rejected, _) =>
            {
                var wait = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? Math.Max(1, Math.Ceiling(after.TotalSeconds)) : 1;
                rejected.HttpContext.Response.Headers.RetryAfter = wait.ToString(CultureInfo.InvariantCulture);
                await Problems.WriteAsync(rejected.HttpContext, 429, "Too many requests", $"Try again in {wait} s.");
            };
        });
        return services;
    }

    private static RateLimitPartition<string> Bucket(HttpContext context, int perSecond)
    {
        if (!AccessResults.IsForPrograms(context.Request.Path) || context.User.FindFirstValue(ClaimTypes.NameIdentifier) is not { } user)
            return RateLimitPartition.GetNoLimiter("");
        return RateLimitPartition.GetTokenBucketLimiter(context.User.FindFirstValue(Caller.TokenId) ?? user, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = perSecond * 2, TokensPerPeriod = perSecond, ReplenishmentPeriod = TimeSpan.FromSeconds(1), QueueLimit = 0,
        });
    }
}
