using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpsConsole.Core.Live.Nodes;

/// <summary>A batch as nodes exchange it: entities by kind, so that no type names travel.</summary>
internal sealed record PictureJson(
    long Epoch, long Sequence, DateTimeOffset At, HealthStatus Overall,
    ImmutableArray<RegionState> Regions, ImmutableArray<ServiceState> Services, ImmutableArray<ClusterState> Clusters,
    ImmutableArray<LinkState> Links, ImmutableArray<LatencyState> Latencies, ImmutableArray<ComponentState> Components, ImmutableArray<string> RemovedLinks, ImmutableArray<ReadinessState> Readiness)
{
    private static readonly JsonSerializerOptions Json = new() { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public static byte[] Write(ChangeBatch batch) => JsonSerializer.SerializeToUtf8Bytes(new PictureJson(batch.Epoch, batch.Sequence, batch.At, batch.Overall,
        Of<RegionState>(batch), Of<ServiceState>(batch), Of<ClusterState>(batch), Of<LinkState>(batch), Of<LatencyState>(batch), Of<ComponentState>(batch), batch.RemovedLinks, Of<ReadinessState>(batch)), Json);

    public static ChangeBatch Read(byte[] payload)
    {
        var picture = JsonSerializer.Deserialize<PictureJson>(payload, Json) ?? throw new JsonException("An empty batch.");
        ImmutableArray<ILiveEntity> changed = [.. picture.Regions, .. picture.Services, .. picture.Clusters, .. picture.Links, .. picture.Latencies, .. picture.Components,
            .. picture.Readiness.IsDefault ? [] : picture.Readiness]; // a node of an earlier version sends none
        return new ChangeBatch(picture.Epoch, picture.Sequence, picture.At, picture.Overall, changed) { RemovedLinks = picture.RemovedLinks };
    }

    private static ImmutableArray<T> Of<T>(ChangeBatch batch) => [.. batch.Changed.OfType<T>()];
}
