using OpsConsole.Core.Live;

namespace OpsConsole.Web.Components.Live;

/// <summary>One number for many entities: it grows whenever one of them changes, so that a child component that takes it is
/// skipped by Blazor while none did.</summary>
public static class Versions
{
    public static long Of(FleetSnapshot picture, IEnumerable<ILiveEntity> entities)
    {
        var sum = 0L;
        foreach (var entity in entities) sum += entity.Version;
        return (picture.Epoch << 40) + sum;
    }
}
