using System.Globalization;

namespace OpsConsole.Core.Backups;

/// <summary>How long a backup or a restore may take before people are told (BA-9). Pure.</summary>
public static class Baseline
{
    private const double HundredGigabytes = 100e9;

    /// <param name="seconds">baseline for 100 GB</param>
    /// <param name="bytes">size of the database</param>
    /// <returns>what to say; null while it is within</returns>
    public static string? Deviation(string what, double took, double seconds, long bytes, BaselineOptions options)
    {
        var expected = Math.Max(options.LeastSeconds, seconds * bytes / HundredGigabytes);
        return took <= expected * options.Factor ? null : string.Create(CultureInfo.InvariantCulture,
            $"{what} of {bytes / 1e9:0.##} GB took {took:0} s; by the baseline {expected:0} s, and more than {options.Factor:0.#} times that is told. Look at the load of the node that was read, at the repositories and the way there.");
    }
}
