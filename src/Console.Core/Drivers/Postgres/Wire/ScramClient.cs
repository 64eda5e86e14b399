using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OpsConsole.Core.Drivers.Postgres.Wire;

/// <summary>SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL uses it, without channel binding.</summary>
internal sealed class ScramClient
{
    private const string Header = "n,,";
    private readonly string _password;
    private readonly string _nonce;
    private byte[] _serverSignature = [];

    /// <param name="nonce">for tests; otherwise random</param>
    public ScramClient(string password, string? nonce = null) =>
        (_password, _nonce) = (password, nonce ?? Convert.ToBase64String(RandomNumberGenerator.GetBytes(18)));

    private string FirstBare => $"n=,r={_nonce}";

    public string First => Header + FirstBare;

    public string Final(string serverFirst)
    {
        var fields = serverFirst.Split(',').ToDictionary(f => f[0], f => f[2..]);
        var nonce = fields['r'];
        if (!nonce.StartsWith(_nonce, StringComparison.Ordinal)) throw new WireException("The server's SCRAM nonce does not continue ours.");
        var iterations = int.Parse(fields['i'], NumberStyles.None, CultureInfo.InvariantCulture);
        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(_password), Convert.FromBase64String(fields['s']), iterations, HashAlgorithmName.SHA256, 32);
        var clientKey = Hmac(salted, "Client Key");
        var withoutProof = $"c={Convert.ToBase64String(Encoding.ASCII.GetBytes(Header))},r={nonce}";
        var message = $"{FirstBare},{serverFirst},{withoutProof}";
        var signature = Hmac(SHA256.HashData(clientKey), message);
        var proof = clientKey.Zip(signature, (a, b) => (byte)(a ^ b)).ToArray();
        _serverSignature = Hmac(Hmac(salted, "Server Key"), message);
        return $"{withoutProof},p={Convert.ToBase64String(proof)}";
    }

    public void Verify(string serverFinal)
    {
        if (!serverFinal.StartsWith("v=", StringComparison.Ordinal) || !CryptographicOperations.FixedTimeEquals(Convert.FromBase64String(serverFinal[2..]), _serverSignature))
            throw new WireException("The server does not know the password: its SCRAM signature is wrong.");
    }

    private static byte[] Hmac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
}
