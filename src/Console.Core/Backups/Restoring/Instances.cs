using System.Globalization;
using Npgsql;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Restoring;

/// <param name="Directory">of its data, on the host</param>
/// <param name="Address"><c>host:port</c> as the console reaches it</param>
public sealed record InstancePlace(string Region, int Port, string Address, string Directory);

/// <param name="Pid">of its postmaster; null: it does not run</param>
public sealed record FoundInstance(InstancePlace Place, Guid Operation, int? Pid);

/// <summary>Restored instances on the regions' hosts, by the commands <c>instance.*</c> of their shells. A place is taken by a mark on the host that only one can
/// make and that names the operation: what is there is read from the hosts, never from memory.</summary>
public sealed class Instances(FleetModel fleet, BackupsOptions options, IHostShell shell)
{
    public bool Offers(string region) => shell.Offers(region, "instance.take") && options.Places.Exists(p => p.Region == region);

    /// <summary>Takes a free place for an operation, or gives the one that it has.</summary>
    /// <param name="regions">in the order in which they are tried</param>
    /// <param name="seen">what was there a moment ago (<see cref="AllAsync"/>); a place that was taken since is refused by its host, and the next is tried</param>
    /// <exception cref="BackupEngineException">every place is taken or out of reach</exception>
    public async Task<InstancePlace> TakeAsync(Guid operation, IReadOnlyList<string> regions, IReadOnlyList<FoundInstance> seen, CancellationToken cancel)
    {
        var refusals = new List<string>();
        foreach (var region in regions.Where(Offers))
        {
            try
            {
                var there = seen.Where(i => i.Place.Region == region).ToList();
                if (there.FirstOrDefault(i => i.Operation == operation) is { } mine) return mine.Place;
                foreach (var place in options.Places.Where(p => p.Region == region && there.All(i => i.Place.Port != p.Port)))
                {
                    var taken = await shell.RunAsync(region, "instance.take", Arguments(place.Port, operation), null, cancel);
                    if (taken.ExitCode == 0) return new InstancePlace(region, place.Port, place.Address, taken.Output.Trim());
                    refusals.Add($"{region} port {place.Port}: {taken.Error.Trim()}");
                }
                refusals.Add($"{region}: {there.Count} places are taken");
            }
            catch (HostShellException e)
            {
                refusals.Add(e.Message);
            }
        }
        throw new BackupEngineException($"No place for a restored instance is free. {string.Join("; ", refusals)}. Discard a restored instance that is no longer needed, or declare more under Backups:Places.");
    }

    /// <summary>What is there, in a region.</summary>
    public async Task<IReadOnlyList<FoundInstance>> ListAsync(string region, CancellationToken cancel)
    {
        var listed = await shell.RequireAsync(region, "instance.list", new Dictionary<string, string>(), null, cancel);
        var found = new List<FoundInstance>();
        foreach (var words in listed.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (words.Length < 3 || !int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var port) || !Guid.TryParse(words[1], out var operation)) continue;
            var address = options.Places.Find(p => p.Region == region && p.Port == port)?.Address ?? "";
            found.Add(new FoundInstance(new InstancePlace(region, port, address, words[2]), operation, words.Length > 3 && int.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : null));
        }
        return found;
    }

    /// <summary>The operation's instance, wherever it is; regions out of reach are passed over.</summary>
    public async Task<FoundInstance?> FindAsync(Guid operation, CancellationToken cancel) => (await AllAsync(cancel)).FirstOrDefault(i => i.Operation == operation);

    /// <summary>All that can be seen.</summary>
    public async Task<IReadOnlyList<FoundInstance>> AllAsync(CancellationToken cancel)
    {
        var lists = await Task.WhenAll(fleet.RegionsByPriority.Select(r => r.Id).Where(Offers).Select(async region =>
        {
            try
            {
                return await ListAsync(region, cancel);
            }
            catch (HostShellException)
            {
                return [];
            }
        }));
        return [.. lists.SelectMany(l => l)];
    }

    /// <summary>Starts the server on a restored directory as an instance of its own: it archives nothing, follows nobody and waits for nobody.</summary>
    public Task StartAsync(InstancePlace place, CancellationToken cancel) => shell.RequireAsync(place.Region, "instance.start", Arguments(place.Port, null), $"""
        port = {place.Port}
        listen_addresses = '127.0.0.1'
        archive_mode = 'off'
        synchronous_standby_names = ''
        primary_conninfo = ''
        primary_slot_name = ''
        cluster_name = 'restored'

        """, cancel);

    /// <summary>Why a server has ended: the end of its own log; empty where the shell does not offer <c>instance.log</c>.</summary>
    public async Task<string> LogAsync(InstancePlace place, CancellationToken cancel) =>
        shell.Offers(place.Region, "instance.log") ? (await shell.RequireAsync(place.Region, "instance.log", Arguments(place.Port, null), null, cancel)).Output : "";

    /// <summary>Every table and index of every database, by pg_amcheck.</summary>
    /// <returns>what it found wrong; empty: nothing</returns>
    /// <exception cref="HostShellException">it could not look, which says nothing about the data</exception>
    public async Task<string> CheckAsync(InstancePlace place, CancellationToken cancel)
    {
        const int Corrupt = 2; // pg_amcheck's exit code; 1 means that it could not do its work
        var result = await shell.RunAsync(place.Region, "instance.check", Arguments(place.Port, null), null, cancel);
        var said = (result.Output + result.Error).Trim();
        return result.ExitCode switch
        {
            0 => "",
            Corrupt => said,
            _ => throw new HostShellException($"pg_amcheck in {place.Region} could not look ({result.ExitCode}): {said}"),
        };
    }

    /// <summary>Ends and deletes it, if it is still this operation's. Idempotent.</summary>
    public Task RemoveAsync(InstancePlace place, Guid operation, CancellationToken cancel) => shell.RequireAsync(place.Region, "instance.remove", Arguments(place.Port, operation), null, cancel);

    public Task<NpgsqlConnection> OpenAsync(string cluster, InstancePlace place, CancellationToken cancel) =>
        NodeConnection.OpenAsync(fleet.Clusters[cluster], new ClusterNodeOptions { Region = place.Region, Address = place.Address }, "opsconsole restore", cancel);

    private static Dictionary<string, string> Arguments(int port, Guid? operation)
    {
        var arguments = new Dictionary<string, string> { ["port"] = port.ToString(CultureInfo.InvariantCulture) };
        if (operation is { } id) arguments["operation"] = id.ToString();
        return arguments;
    }
}
