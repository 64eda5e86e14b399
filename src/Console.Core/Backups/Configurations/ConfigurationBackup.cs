using System.Text.Json;
using System.Text.Json.Serialization;
using OpsConsole.Core.Backups.Streaming;

namespace OpsConsole.Core.Backups.Configurations;

/// <param name="Files">how many of its files are in the archive</param>
public sealed record ConfiguredNode(string Region, string ServerVersion, int Files);

/// <summary>What a backup of a cluster's configuration is: the content of its description, the object that makes it complete.</summary>
/// <param name="Unread">region to why its node's configuration is not in it</param>
public sealed record ConfigurationBackup(
    int Format, string Label, string Cluster, Guid Operation, DateTimeOffset StartedAt, DateTimeOffset EndedAt, IReadOnlyList<ConfiguredNode> Nodes, IReadOnlyDictionary<string, string> Unread, string KeyId,
    IReadOnlyList<StreamedObject> Objects)
{
    public const int CurrentFormat = 1;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip };

    [JsonIgnore]
    public long PlainBytes => Objects.Sum(o => o.PlainBytes);
    [JsonIgnore]
    public long StoredBytes => Objects.Sum(o => o.StoredBytes);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    public static ConfigurationBackup FromJson(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<ConfigurationBackup>(json, Json)!;
}
