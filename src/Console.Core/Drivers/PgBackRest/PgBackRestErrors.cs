using System.Globalization;
using System.Text.RegularExpressions;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.PgBackRest;

/// <summary>From pgBackRest's exit code and words to what a person does about it.</summary>
internal static partial class PgBackRestErrors
{
    public const int LockHeld = 50;

    // Exit codes are those of pgBackRest's error numbers.
    private static readonly Dictionary<int, (string What, string Remedy, bool Final)> Known = new()
    {
        [26] = ("A checksum is wrong: what is stored is damaged.", "Restore from another copy, take a new full backup, and look at the store.", true),
        [27] = ("pgBackRest's configuration is wrong.", "Mend the file that it names on that host.", true),
        [29] = ("What is stored cannot be read: it is damaged, or the passphrase is another one.", "Check repoN-cipher-pass; if it is right, use another copy and take a new full backup.", true),
        [31] = ("pgBackRest does not know an option.", "Check the command templates of the region's shell against the installed version.", true),
        [37] = ("A setting is missing.", "Add it to pgBackRest's configuration on that host.", true),
        [38] = ("A server runs on that directory.", "Stop it first.", true),
        [39] = ("The other pgBackRest process ended.", "Look at both hosts' logs; try again.", false),
        [40] = ("The directory is not empty.", "Remove what an earlier restore has left.", true),
        [44] = ("The log belongs to another database.", "The stanza was made for another cluster: make a new one.", true),
        [45] = ("A segment of the same name with other content is stored already.", "Two primaries have archived the same segment: find out which one clients used before you trust any moment after it.", true),
        [49] = ("A host or store cannot be reached.", "Check the way there, its name and its certificate.", false),
        [LockHeld] = ("Another pgBackRest command runs.", "Wait for it, or end it on its host.", false),
        [55] = ("A file is missing.", "If no stanza was made yet run 'pgbackrest stanza-create'; else what is stored is damaged.", false),
        [56] = ("The database cannot be reached, or no primary is among the configured nodes.", "Check that the primary runs and that pgBackRest may sign in.", false),
        [58] = ("The database is not the one that the stanza was made for.", "After an upgrade run 'pgbackrest stanza-upgrade'; otherwise check the paths.", true),
        [62] = ("pgBackRest was stopped on that host.", "Run 'pgbackrest start' there.", true),
        [63] = ("It was ended from outside.", "Start it again.", false),
        [64] = ("A file cannot be written: the disk or the store may be full.", "Make room, then try again.", false),
        [66] = ("The other side fell silent.", "Check the way between the hosts; try again.", false),
        [75] = ("There is no such backup set in the repository.", "Somebody deleted it: verify the backup, so that the catalogue learns of it.", true),
        [82] = ("The log does not arrive in the repository.", "Look at archive_command's errors in the primary's log; a repository may be out of reach, full, or refuse the credentials.", false),
        [87] = ("The database does not archive its log.", "Set archive_mode = on and archive_command, then restart it.", true),
        [95] = ("What is stored cannot be decrypted: the passphrase is another one, or it is damaged.", "Check repoN-cipher-pass; if it is right, use another copy.", true),
        [99] = ("What is stored cannot be read: it is damaged.", "Use another copy and take a new full backup.", true),
        [101] = ("The store refused.", "Check its credentials and rights, whether it is full, and this host's clock.", false),
        [102] = ("A command of the host could not be run.", "See pgBackRest's words.", false),
        [103] = ("No repository can be used.", "Check that the stores are in reach and that 'pgbackrest stanza-create' was run.", false),
    };

    // A wrong checksum, what cannot be read, no such set. That it cannot be decrypted may also be the passphrase of one host.
    private static readonly int[] Damage = [26, 75, 99];

    public static BackupEngineException Translate(string doing, string region, HostCommandResult result)
    {
        var said = (result.Error + "\n" + result.Output).Trim();
        var line = ErrorLine().Match(said);
        var (code, words) = line.Success ? (int.Parse(line.Groups[1].ValueSpan, CultureInfo.InvariantCulture), line.Groups[2].Value.Trim()) : (result.ExitCode, Shorten(said));
        if (!Known.TryGetValue(code, out var known))
        {
            return code == 127
                ? new BackupEngineException($"{doing} in {region}: pgBackRest is not installed there. Install it (Debian: pgbackrest), or mend the command template.") { Final = true }
                : new BackupEngineException($"{doing} in {region} ended with {result.ExitCode}: {(words.Length == 0 ? "it said nothing" : words)}. See pgBackRest's log on that host.");
        }
        return new BackupEngineException($"{doing} in {region}: {known.What} {known.Remedy} (pgBackRest {code}: {words})") { Final = known.Final, Damaged = Damage.Contains(code) };
    }

    private static string Shorten(string text) => text.Length <= 400 ? text : text[..400] + "…";

    [GeneratedRegex(@"ERROR: \[(\d{3})\]:([^\n]*)")]
    private static partial Regex ErrorLine();
}
