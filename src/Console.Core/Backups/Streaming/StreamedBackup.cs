using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>What a streamed backup is: the content of its description, the object that makes it complete.</summary>
/// <param name="SizeBytes">of the data directory as it was read</param>
/// <param name="SegmentBytes">of the log: 16 MiB unless the cluster was made otherwise</param>
/// <param name="StopLsn">position from which it is consistent</param>
public sealed record StreamedBackup(
    int Format, string Label, string Cluster, Guid Operation, DateTimeOffset StartedAt, DateTimeOffset EndedAt, string FromRegion, bool FromStandby, string SystemIdentifier, string ServerVersion,
    int Timeline, string StartLsn, string StopLsn, int SegmentBytes, long SizeBytes, string KeyId, IReadOnlyList<StreamedObject> Objects)
{
    public const int CurrentFormat = 1;
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip };

    [JsonIgnore]
    public long StoredBytes => Objects.Sum(o => o.StoredBytes);

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    public static StreamedBackup FromJson(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<StreamedBackup>(json, Json)!;
}

/// <param name="Sha256">of the stored bytes, in hexadecimal digits: checked without any key</param>
public sealed record StreamedObject(string Name, long PlainBytes, long StoredBytes, string Sha256);
