using System.Reflection;
using System.Runtime.CompilerServices;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>Compiles methods before their first call. An async method's own code is the lesser part of it: its state machine is built into generic code of
/// the runtime, a dozen methods for each, which costs the first failover of a process up to a second on a small machine. They have no public names; where a
/// later runtime calls them otherwise, nothing is compiled ahead, and nothing else changes.</summary>
internal static class AheadOfTime
{
    private const BindingFlags Own = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;
    private static readonly Type Nothing = typeof(AsyncTaskMethodBuilder).Assembly.GetType("System.Threading.Tasks.VoidTaskResult") ?? typeof(bool);
    private static readonly Type? Box = typeof(AsyncTaskMethodBuilder<>).GetNestedType("AsyncStateMachineBox`1", BindingFlags.NonPublic);
    private static readonly Type? Core = typeof(AsyncTaskMethodBuilder).Assembly.GetType("System.Runtime.CompilerServices.AsyncMethodBuilderCore");

    /// <returns>how many methods were compiled, or had been</returns>
    public static int Compile(IEnumerable<Type> types, CancellationToken cancel)
    {
        var count = 0;
        foreach (var type in types.Where(t => !t.ContainsGenericParameters))
        {
            if (cancel.IsCancellationRequested) break;
            count += Methods(type);
            if (type.IsValueType && typeof(IAsyncStateMachine).IsAssignableFrom(type)) count += StateMachine(type);
        }
        return count;
    }

    /// <returns>how many methods of the runtime belong to it</returns>
    internal static int StateMachine(Type machine)
    {
        var fields = machine.GetFields(Own);
        if (fields.FirstOrDefault(f => f.Name == "<>t__builder")?.FieldType is not { } builder) return 0;
        var result = builder.IsGenericType ? builder.GenericTypeArguments[0] : Nothing;
        var awaiters = fields.Where(f => f.Name.StartsWith("<>u__", StringComparison.Ordinal) && typeof(ICriticalNotifyCompletion).IsAssignableFrom(f.FieldType)).Select(f => f.FieldType);
        Type[] runtime = [builder, typeof(AsyncTaskMethodBuilder<>).MakeGenericType(result), .. Core is null ? Array.Empty<Type>() : [Core]];
        var generic = runtime.Distinct().SelectMany(t => t.GetMethods(Own)).Where(m => m.IsGenericMethodDefinition).ToLookup(m => m.Name);
        return (Box is null ? 0 : Methods(Box.MakeGenericType(result, machine)))
            + generic["Start"].Concat(generic["GetStateMachineBox"]).Sum(m => Generic(m, machine))
            + awaiters.Sum(awaiter => generic["AwaitUnsafeOnCompleted"].Sum(m => Generic(m, awaiter, machine) + Generic(m, awaiter)));
    }

    private static int Methods(Type type) =>
        type.GetMethods(Own).Cast<MethodBase>().Concat(type.GetConstructors(Own)).Where(m => !m.IsAbstract && !m.ContainsGenericParameters).Sum(m => Prepare(m, []));

    private static int Generic(MethodInfo method, params Type[] arguments) =>
        method.GetGenericArguments().Length == arguments.Length ? Prepare(method.MakeGenericMethod(arguments), arguments) : 0;

    private static int Prepare(MethodBase method, Type[] arguments)
    {
        var instantiation = (method.DeclaringType?.GenericTypeArguments ?? []).Concat(arguments).Select(t => t.TypeHandle).ToArray();
        RuntimeHelpers.PrepareMethod(method.MethodHandle, instantiation);
        return 1;
    }
}
