using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Format;

/// <summary>Decrypts keys that a key service wrapped.</summary>
public interface IKeyUnwrapper
{
    /// <exception cref="BackupKeyException">the service refuses or does not answer</exception>
    Task<byte[]> UnwrapAsync(BackupKeyOptions key, CancellationToken cancel);
}

/// <summary>The key ring that the fleet declares. Wrapped keys are decrypted at first use and kept: a key service that is away later takes no backup with it.</summary>
public sealed class DeclaredKeys(FleetModel fleet, IKeyUnwrapper unwrapper, TimeProvider? time = null) : IDisposable
{
    private readonly SemaphoreSlim _once = new(1, 1);
    private static readonly TimeSpan AskAgain = TimeSpan.FromDays(1);
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Dictionary<string, long> _given = [];
    private KeyRing? _ring;

    public bool Any => fleet.Options.BackupKeys.Count > 0;

    /// <exception cref="BackupKeyException">no key is declared, one is malformed, or the key service refuses</exception>
    public async Task<KeyRing> RingAsync(CancellationToken cancel)
    {
        if (_ring is { } known) return known;
        await _once.WaitAsync(cancel);
        try
        {
            if (_ring is { } meanwhile) return meanwhile;
            var keys = new List<BackupKey>();
            foreach (var key in fleet.Options.BackupKeys) keys.Add(key.Key.Length > 0 ? BackupKey.Parse(key.Id, key.Key) : new BackupKey(key.Id, await unwrapper.UnwrapAsync(key, cancel)));
            return _ring = new KeyRing(keys);
        }
        finally
        {
            _once.Release();
        }
    }

    /// <summary>Asks the key service anew for each wrapped key that it has not given for a day: a key that is disabled would else be missed at the next start only. The ring in memory stays.</summary>
    /// <returns>what is wrong, and what to do; null: nothing</returns>
    public async Task<string?> TroubleAsync(CancellationToken cancel)
    {
        await _once.WaitAsync(cancel);
        try
        {
            foreach (var key in fleet.Options.BackupKeys.Where(k => k.Key.Length == 0 && (!_given.TryGetValue(k.Id, out var at) || _time.GetElapsedTime(at) >= AskAgain)))
            {
                await unwrapper.UnwrapAsync(key, cancel);
                _given[key.Id] = _time.GetTimestamp();
            }
            return null;
        }
        catch (BackupKeyException e)
        {
            return $"{e.Message} Backups go on with the key in memory; after a restart of the console nothing could be backed up or restored under it.";
        }
        finally
        {
            _once.Release();
        }
    }

    public void Dispose() => _once.Dispose();
}
