using System.Text.Json;
using System.Text.Json.Nodes;

namespace OpsConsole.Web.Components.Shared;

/// <summary>Figures of a preflight's estimate, however they were written.</summary>
public static class Estimate
{
    /// <returns>null: not estimated</returns>
    public static double? Read(JsonObject estimate, string name) =>
        estimate[name] is { } value && value.GetValueKind() == JsonValueKind.Number ? value.Deserialize<double>() : null;
}
