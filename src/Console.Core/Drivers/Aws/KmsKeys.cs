using Amazon;
using Amazon.KeyManagementService;
using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using Amazon.Runtime.Credentials;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Aws;

/// <summary>AWS KMS as envelope of backup keys. The key's id goes along as encryption context, so that one wrapped key cannot be given for another.</summary>
public sealed class KmsKeys(Func<AWSCredentials>? credentials = null) : IKeyUnwrapper
{
    public const string Context = "opsconsole-backup-key";

    public async Task<byte[]> UnwrapAsync(BackupKeyOptions key, CancellationToken cancel)
    {
        try
        {
            var config = new AmazonKeyManagementServiceConfig { Timeout = TimeSpan.FromSeconds(15), MaxErrorRetry = 2 };
            if (key.KmsEndpoint.Length > 0) (config.ServiceURL, config.AuthenticationRegion) = (key.KmsEndpoint, key.KmsRegion);
            else config.RegionEndpoint = RegionEndpoint.GetBySystemName(key.KmsRegion);
            using var client = new AmazonKeyManagementServiceClient(credentials?.Invoke() ?? DefaultAWSCredentialsIdentityResolver.GetCredentials(), config);
            using var wrapped = new MemoryStream(Convert.FromBase64String(key.WrappedKey));
            var answer = await client.DecryptAsync(new DecryptRequest { CiphertextBlob = wrapped, EncryptionContext = new Dictionary<string, string> { [Context] = key.Id } }, cancel);
            return answer.Plaintext.ToArray();
        }
        catch (FormatException)
        {
            throw new BackupKeyException($"WrappedKey of the backup key {key.Id} is not base64. Give what `aws kms encrypt --encryption-context {Context}={key.Id}` printed as CiphertextBlob.");
        }
        catch (Exception e) when (e is AmazonServiceException or AmazonClientException or HttpRequestException)
        {
            throw new BackupKeyException($"KMS in {key.KmsRegion} did not decrypt the backup key {key.Id}: {e.Message} Check the identity's kms:Decrypt right and the encryption context {Context}={key.Id}.");
        }
    }
}
