using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Web.Identity;

public static class AccessRegistration
{
    public const string CookieName = "opsconsole";
    private const string Either = "opsconsole";

    public static IServiceCollection AddAccess(this IServiceCollection services, IConfiguration configuration)
    {
        var access = configuration.GetSection(AccessOptions.Section).Get<AccessOptions>() ?? new AccessOptions();
        services.AddOptions<AccessOptions>().Bind(configuration.GetSection(AccessOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<AccessOptions>, AccessOptionsValidator>();

        services.AddSingleton(IdentityDb.ConsoleSchema);
        services.AddPooledDbContextFactory<IdentityDb>((provider, builder) => builder.UseNpgsql(
            provider.GetRequiredService<ConsoleDatabase>().App, o => o.MigrationsHistoryTable("migrations", IdentityDb.Schema)));
        services.AddScoped(provider => provider.GetRequiredService<IDbContextFactory<IdentityDb>>().CreateDbContext());
        var keys = services.AddDataProtection().SetApplicationName("OpsConsole").PersistKeysToDbContext<IdentityDb>();
        if (File.Exists(access.KeyCertificateFile))
            keys.ProtectKeysWithCertificate(X509CertificateLoader.LoadPkcs12FromFile(access.KeyCertificateFile, access.KeyCertificatePassword));

        services.AddIdentityCore<ConsoleUser>(options => Identity(options, access))
            .AddRoles<ConsoleRole>().AddEntityFrameworkStores<IdentityDb>().AddSignInManager()
            .AddClaimsPrincipalFactory<ConsoleClaims>().AddPasswordValidator<PasswordNotOneself>().AddDefaultTokenProviders();
        services.Configure<SecurityStampValidatorOptions>(o => o.ValidationInterval = TimeSpan.FromSeconds(access.RevalidateSeconds));

        services.AddAuthentication(Either)
            .AddPolicyScheme(Either, null, o => o.ForwardDefaultSelector = context =>
                TokenAuthentication.Applies(context.Request) ? TokenAuthentication.SchemeName : IdentityConstants.ApplicationScheme)
            .AddScheme<AuthenticationSchemeOptions, TokenAuthentication>(TokenAuthentication.SchemeName, null)
            .AddIdentityCookies(cookies => cookies.ApplicationCookie?.Configure(o => Cookie(o, access)));

        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().AddRequirements(new Permission(Policies.ViewFleet, Roles.All)).Build());
        services.Configure<AuthorizationOptions>(options =>
        {
            foreach (var (policy, roles) in Policies.RolesFor)
                options.AddPolicy(policy, p => p.RequireAuthenticatedUser().AddRequirements(new Permission(policy, roles)));
        });
        services.AddSingleton<IAuthorizationHandler, PermissionHandler>();
        services.AddSingleton<RefusedTries>().AddSingleton<IAuthorizationMiddlewareResultHandler, AccessResults>();

        services.Configure<IdentityPasskeyOptions>(Passkeys.Configure);
        services.AddHttpContextAccessor();
        services.AddScoped<PasskeyChallenges>().AddScoped<Passkeys>().AddScoped<People>().AddScoped<Presence>();
        services.AddScoped<SecondFactor>().AddScoped<SignIn>().AddScoped<Accounts>().AddScoped<TokenLedger>().AddScoped<UserDirectory>().AddScoped<FirstStart>();
        services.AddSingleton<SessionCheck>();
        services.AddScoped<AuthenticationStateProvider, CircuitRevalidation>();
        return services;
    }

    private static void Identity(IdentityOptions options, AccessOptions access)
    {
        IdentityDb.UseSchemaVersion(options);
        options.User.RequireUniqueEmail = true;
        options.Password.RequiredLength = 12;
        options.Password.RequiredUniqueChars = 5;
        // Length, not composition, makes a password strong (NIST SP 800-63B).
        options.Password.RequireDigit = options.Password.RequireLowercase = options.Password.RequireUppercase = options.Password.RequireNonAlphanumeric = false;
        options.Lockout.AllowedForNewUsers = true;
        options.Lockout.MaxFailedAccessAttempts = access.LockoutFailures;
        options.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(access.LockoutMinutes);
    }

    private static void Cookie(CookieAuthenticationOptions options, AccessOptions access)
    {
        options.Cookie.Name = CookieName;
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Lax;
        options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        options.ExpireTimeSpan = TimeSpan.FromHours(access.SessionHours);
        options.SlidingExpiration = true;
        options.LoginPath = "/signin";
        options.AccessDeniedPath = "/denied";
    }
}
