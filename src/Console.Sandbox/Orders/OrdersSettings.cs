using System.Text.Json;

namespace OpsConsole.Sandbox.Orders;

/// <summary>What a region's orders API needs to know; a file on its host, so that a start from its shell is the same start.</summary>
public sealed record OrdersSettings(
    string Region,
    int Port,
    string WriteConnectionString,
    string ReadConnectionString,
    string Cache)
{
    public static OrdersSettings Read(string path) =>
        JsonSerializer.Deserialize<OrdersSettings>(File.ReadAllText(path)) ?? throw new Layout.SandboxException($"{path} is empty.");

    public string ToJson() => JsonSerializer.Serialize(this);
}
