using System.Collections.Concurrent;

namespace OpsConsole.Jobs.Tests;

/// <summary>Lets a job, which Hangfire calls by name, tell the test that it ran.</summary>
public static class Signal
{
    private static readonly ConcurrentDictionary<Guid, TaskCompletionSource> Waiting = new();

    public static Task Create(out Guid id)
    {
        id = Guid.NewGuid();
        return (Waiting[id] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
    }

    public static void Raise(Guid id) => Waiting[id].TrySetResult();
}
