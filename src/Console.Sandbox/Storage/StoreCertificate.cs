using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Sandbox.Storage;

/// <summary>The stores' certificate for loopback: made at the first start, its own authority. The public half lies where hosts can read it.</summary>
public static class StoreCertificate
{
    public static string AuthorityFile(SandboxPaths paths) => Path.Combine(paths.SitesRoot, "store-ca.pem");

    public static X509Certificate2 Get(SandboxPaths paths)
    {
        var file = Path.Combine(paths.Secrets, "store.pfx");
        if (!File.Exists(file))
        {
            AtomicFile.Write(file + ".pem", Make(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            using var made = X509Certificate2.CreateFromPemFile(file + ".pem", file + ".pem");
            File.WriteAllBytes(file, made.Export(X509ContentType.Pfx));
            File.Delete(file + ".pem");
        }
        var certificate = X509CertificateLoader.LoadPkcs12FromFile(file, null);
        AtomicFile.Write(AuthorityFile(paths), certificate.ExportCertificatePem(), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        return certificate;
    }

    private static string Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.UnixEpoch.AddYears(100));
        return certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n";
    }
}
