using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace OpsConsole.Sandbox.Layout;

/// <summary>Passwords of one sandbox: made at the first start, kept in files that only the owner reads.</summary>
public sealed class SecretStore(string directory)
{
    private const string Alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    public string PathOf(string name) => Path.Combine(directory, name);

    /// <summary>The secret of that name, made now if there is none.</summary>
    public string Get(string name)
    {
        var path = PathOf(name);
        return File.Exists(path) ? File.ReadAllText(path) : Put(name, NewPassword());
    }

    /// <summary>Stores a value and returns it.</summary>
    public string Put(string name, string value)
    {
        AtomicFile.Write(PathOf(name), value, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return value;
    }

    public static string NewPassword() => RandomNumberGenerator.GetString(Alphabet, 28);
}

/// <summary>Files that readers never see half-written.</summary>
public static class AtomicFile
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>As JSON that a person can read, for the owner alone.</summary>
    public static void WriteJson(string path, object content) =>
        Write(path, JsonSerializer.Serialize(content, Readable), UnixFileMode.UserRead | UnixFileMode.UserWrite);

    public static void Write(string path, string content, UnixFileMode mode)
    {
        var fresh = $"{path}.{Environment.ProcessId}.new";
        using (var stream = new FileStream(fresh, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = mode }))
        using (var writer = new StreamWriter(stream))
        {
            writer.Write(content);
        }
        File.Move(fresh, path, overwrite: true);
    }
}
