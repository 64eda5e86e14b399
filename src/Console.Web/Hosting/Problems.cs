using Microsoft.AspNetCore.Mvc;
using Npgsql;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Hosting;

/// <summary>Every error of the API is <c>application/problem+json</c> with a detail that says how to mend it.</summary>
public static class Problems
{
    public static ProblemDetails Make(int status, string title, string detail, params (string Key, object? Value)[] more)
    {
        var problem = new ProblemDetails { Status = status, Title = title, Detail = detail, Type = $"https://www.rfc-editor.org/rfc/rfc9110#status.{status}" };
        foreach (var (key, value) in more)
            problem.Extensions[key] = value;
        return problem;
    }

    public static IResult Result(int status, string title, string detail, params (string Key, object? Value)[] more) =>
        TypedResults.Problem(Make(status, title, detail, more));

    public static IResult NotSignedIn() => Result(401, "Not signed in", "Sign in, or send Authorization: Bearer with a token that is neither expired nor revoked.");

    public static Task WriteAsync(HttpContext context, int status, string title, string detail, params (string Key, object? Value)[] more) =>
        Result(status, title, detail, more).ExecuteAsync(context);

    public static ProblemDetails Rule(RuleException rule) =>
        Make(422, "Refused by a rule", rule.Errors.Count == 1 ? rule.Errors.Values.First()[0] : "One or more fields need to be mended.", ("errors", rule.Errors));
}

/// <summary>Exceptions that mean something to the caller become problem details; all others are logged, and a 500 without inner details.</summary>
public sealed partial class ProblemExceptions(RequestDelegate next, ILogger<ProblemExceptions> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            var problem = Describe(exception, context);
            if (problem.Status >= 500)
                LogFailure(exception, context.Request.Method, context.Request.Path);
            context.Response.Clear();
            SecurityHeaders.Set(context);
            await TypedResults.Problem(problem).ExecuteAsync(context);
        }
    }

    private static ProblemDetails Describe(Exception exception, HttpContext context) => exception switch
    {
        RuleException rule => Problems.Rule(rule),
        KeyNotFoundException missing => Problems.Make(404, "Not found", missing.Message),
        BadHttpRequestException bad => Problems.Make(bad.StatusCode, "The request cannot be read", Explain(bad)),
        NpgsqlException { IsTransient: true } => Problems.Make(503, "The console's database does not answer", "Try again in a few seconds; see /readyz."),
        _ => Problems.Make(500, "The console failed", $"The console's log has the cause under trace {context.TraceIdentifier}."),
    };

    private static string Explain(BadHttpRequestException bad) => bad.InnerException switch
    {
        System.Text.Json.JsonException json => $"The body is not the JSON that is expected here: {json.Message}",
        _ when bad.Message.StartsWith("Implicit body", StringComparison.Ordinal) => "A JSON body is needed; /openapi/v1.json says which.",
        _ => bad.Message,
    };

    [LoggerMessage(EventId = 4001, Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private partial void LogFailure(Exception exception, string method, string path);
}
