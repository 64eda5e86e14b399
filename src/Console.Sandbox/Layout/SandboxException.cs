namespace OpsConsole.Sandbox.Layout;

/// <summary>Something that the person who started the sandbox can mend; printed without a stack trace.</summary>
public sealed class SandboxException : Exception
{
    public SandboxException(string message) : base(message) { }

    public SandboxException(string message, Exception inner) : base(message, inner) { }
}
