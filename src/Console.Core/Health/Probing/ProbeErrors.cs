using System.Net.Sockets;
using System.Security.Authentication;
using Npgsql;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Health.Probing;

/// <summary>Errors that a target may cause, in words for a person.</summary>
internal static class ProbeErrors
{
    /// <returns>null for an error that no target causes: a defect of ours</returns>
    public static string? Describe(Exception exception) => exception switch
    {
        SocketException socket => Describe(socket),
        PostgresException postgres => $"{postgres.SqlState}: {postgres.MessageText}",
        NpgsqlException { InnerException: SocketException socket } => Describe(socket),
        NpgsqlException { InnerException: TimeoutException } => "no answer in time",
        NpgsqlException npgsql => npgsql.InnerException?.Message ?? npgsql.Message,
        IOException { InnerException: SocketException socket } => Describe(socket),
        AuthenticationException tls => $"TLS: {tls.InnerException?.Message ?? tls.Message}",
        EndOfStreamException => "connection closed before the answer ended",
        IOException or InvalidDataException or HostShellException => exception.Message,
        _ => null,
    };

    private static string Describe(SocketException exception) => exception.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.ConnectionReset => "connection reset",
        SocketError.HostUnreachable or SocketError.NetworkUnreachable => "no route to the host",
        SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData => "name not resolved",
        SocketError.TimedOut => "connection timed out",
        _ => exception.Message,
    };
}
