using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using Amazon.S3;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.S3;

internal static class S3Client
{
    /// <param name="region">for signatures; compatible stores take any</param>
    public static AmazonS3Client Make(BackupRepositoryOptions repository, string region)
    {
        var config = new AmazonS3Config
        {
            ServiceURL = repository.Endpoint,
            ForcePathStyle = !new Uri(repository.Endpoint).Host.EndsWith(".amazonaws.com", StringComparison.OrdinalIgnoreCase),
            AuthenticationRegion = region.Length > 0 ? region : "us-east-1",
            MaxErrorRetry = 3,
            Timeout = TimeSpan.FromSeconds(120),
            // We give checksums ourselves where content is written; the client's own default needs the chunked encoding.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (repository.CaFile.Length > 0) config.HttpClientFactory = new PrivateAuthority(repository.CaFile);
        var credentials = repository.AccessKey.Length > 0 ? new BasicAWSCredentials(repository.AccessKey, repository.SecretKey) : DefaultAWSCredentialsIdentityResolver.GetCredentials();
        return new AmazonS3Client(credentials, config);
    }

    /// <summary>Trusts the authority in a file besides nothing else.</summary>
    private sealed class PrivateAuthority(string path) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(path);
            return new HttpClient(new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy } }) { Timeout = clientConfig.Timeout ?? TimeSpan.FromSeconds(120) };
        }
    }
}
