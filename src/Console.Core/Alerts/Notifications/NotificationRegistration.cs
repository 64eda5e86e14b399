using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Approvals;

namespace OpsConsole.Core.Alerts.Notifications;

public static class NotificationRegistration
{
    /// <summary>Needs AddAudit, AddObservation and the console's database. One channel per configured receiver.</summary>
    public static IServiceCollection AddNotifications(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<NotificationOptions>().Bind(configuration.GetSection(NotificationOptions.Section)).ValidateOnStart();
        services.AddSingleton<IValidateOptions<NotificationOptions>, NotificationOptionsValidator>();
        services.AddSingleton(s => s.GetRequiredService<IOptions<NotificationOptions>>().Value);
        services.AddSingleton(AlertsDb.ConsoleSchema);
        var given = configuration.GetSection(NotificationOptions.Section).Get<NotificationOptions>() ?? new NotificationOptions();
        for (var i = 0; i < given.Webhooks.Count; i++)
        {
            var index = i;
            services.AddSingleton<INotificationChannel>(s =>
            {
                var options = s.GetRequiredService<NotificationOptions>();
                return new WebhookChannel(options.Webhooks[index], options.ConsoleUrl, Client(), s.GetRequiredService<TimeProvider>());
            });
        }
        if (given.Email.Host.Length > 0)
            services.AddSingleton<INotificationChannel>(s => new EmailChannel(s.GetRequiredService<NotificationOptions>().Email, s.GetRequiredService<NotificationOptions>().ConsoleUrl));
        services.AddSingleton<Outbox>();
        services.AddSingleton<NotificationSender>();
        services.AddSingleton<IAlarmSink>(s => s.GetRequiredService<NotificationSender>());
        services.AddSingleton<AlarmRecorder>();
        services.AddSingleton<IAlarmSink>(s => s.GetRequiredService<AlarmRecorder>());
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<AlarmRecorder>());
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<NotificationSender>());
        return services;
    }

    /// <summary>No redirects: a signed message goes where it was sent and nowhere else.</summary>
    private static HttpClient Client() => new(new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5), ConnectTimeout = TimeSpan.FromSeconds(5) })
    {
        Timeout = TimeSpan.FromSeconds(10),
    };
}
