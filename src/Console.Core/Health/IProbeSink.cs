namespace OpsConsole.Core.Health;

/// <summary>Where finished probes go to be stored. Never blocks, never throws.</summary>
public interface IProbeSink
{
    void Record(ProbeSample sample);
}
