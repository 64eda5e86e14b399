using System.Text.Json;
using System.Text.Json.Serialization;
using OpsConsole.Core.Backups.Streaming;

namespace OpsConsole.Core.Backups.Logical;

/// <summary>What a dump is: the content of its description, the object that makes it complete.</summary>
/// <param name="Owner">name of the server's first superuser: a server that takes the dump in is made with the same</param>
/// <param name="SizeBytes">of the database as the server counts it</param>
public sealed record LogicalBackup(
    int Format, string Label, string Cluster, Guid Operation, DateTimeOffset StartedAt, DateTimeOffset EndedAt, string FromRegion, bool FromStandby, string ServerVersion, string Database, string Owner,
    long SizeBytes, string KeyId, IReadOnlyList<StreamedObject> Objects)
{
    public const int CurrentFormat = 1;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip };

    [JsonIgnore]
    public long StoredBytes => Objects.Sum(o => o.StoredBytes);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    public static LogicalBackup FromJson(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<LogicalBackup>(json, Json)!;
}
