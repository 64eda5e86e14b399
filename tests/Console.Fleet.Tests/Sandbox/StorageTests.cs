using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Storage;

namespace OpsConsole.Fleet.Tests.Sandbox;

/// <summary>The store answers Amazon's own client, through the console's link.</summary>
[Collection(SharedFleet.Backups)]
public sealed class StorageTests(SandboxFixture sandbox)
{
    private readonly string _bucket = $"b{Guid.NewGuid():N}";

    [Fact]
    public async Task Object_PutAndGot_IsTheSame()
    {
        using var s3 = await ClientAsync();
        await s3.PutObjectAsync(new PutObjectRequest { BucketName = _bucket, Key = "a dir/ü+1.txt", ContentBody = "hello", Metadata = { ["x-amz-meta-kind"] = "test" } });
        using var got = await s3.GetObjectAsync(_bucket, "a dir/ü+1.txt");
        using var reader = new StreamReader(got.ResponseStream);
        Assert.Equal("hello", await reader.ReadToEndAsync());
        Assert.Equal("test", got.Metadata["x-amz-meta-kind"]);
        var head = await s3.GetObjectMetadataAsync(_bucket, "a dir/ü+1.txt");
        Assert.Equal(5, head.ContentLength);
        using var part = await s3.GetObjectAsync(new GetObjectRequest { BucketName = _bucket, Key = "a dir/ü+1.txt", ByteRange = new ByteRange(1, 2) });
        using var partReader = new StreamReader(part.ResponseStream);
        Assert.Equal("el", await partReader.ReadToEndAsync());
    }

    [Fact]
    public async Task Listing_WithDelimiterAndPages_FindsEveryKeyOnce()
    {
        using var s3 = await ClientAsync();
        foreach (var key in new[] { "a/1", "a/2", "b/1", "c", "d" })
        {
            await s3.PutObjectAsync(new PutObjectRequest { BucketName = _bucket, Key = key, ContentBody = key });
        }
        var (keys, prefixes, token) = (new List<string>(), new List<string>(), (string?)null);
        do
        {
            var page = await s3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = _bucket, Delimiter = "/", MaxKeys = 2, ContinuationToken = token });
            keys.AddRange((page.S3Objects ?? []).Select(o => o.Key));
            prefixes.AddRange(page.CommonPrefixes ?? []);
            token = page.NextContinuationToken;
        }
        while (token is not null);
        Assert.Equal(["c", "d"], keys);
        Assert.Equal(["a/", "b/"], prefixes);
    }

    [Fact]
    public async Task Multipart_Completed_JoinsTheParts()
    {
        using var s3 = await ClientAsync();
        var upload = await s3.InitiateMultipartUploadAsync(_bucket, "big");
        var (first, second) = (new byte[5 * 1024 * 1024], new byte[1000]);
        Random.Shared.NextBytes(first);
        Random.Shared.NextBytes(second);
        var tags = new List<PartETag>();
        foreach (var (number, bytes) in new[] { (1, first), (2, second) })
        {
            var answer = await s3.UploadPartAsync(new UploadPartRequest
            {
                BucketName = _bucket, Key = "big", UploadId = upload.UploadId, PartNumber = number, InputStream = new MemoryStream(bytes), PartSize = bytes.Length,
            });
            tags.Add(new PartETag(number, answer.ETag));
        }
        await s3.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest { BucketName = _bucket, Key = "big", UploadId = upload.UploadId, PartETags = tags });
        using var got = await s3.GetObjectAsync(_bucket, "big");
        using var whole = new MemoryStream();
        await got.ResponseStream.CopyToAsync(whole);
        Assert.Equal([.. first, .. second], whole.ToArray());
    }

    [Fact]
    public async Task Delete_ManyAtOnce_LeavesAnEmptyBucket()
    {
        using var s3 = await ClientAsync();
        await s3.PutObjectAsync(new PutObjectRequest { BucketName = _bucket, Key = "x", ContentBody = "x" });
        var refused = await Assert.ThrowsAsync<AmazonS3Exception>(() => s3.DeleteBucketAsync(_bucket));
        Assert.Equal("BucketNotEmpty", refused.ErrorCode);
        await s3.DeleteObjectsAsync(new DeleteObjectsRequest { BucketName = _bucket, Objects = [new KeyVersion { Key = "x" }] });
        await s3.DeleteBucketAsync(_bucket);
    }

    [Fact]
    public async Task Request_WithWrongKey_IsRefused()
    {
        using var s3 = Client("wrong-secret-key");
        var refused = await Assert.ThrowsAsync<AmazonS3Exception>(() => s3.ListBucketsAsync());
        Assert.Equal("SignatureDoesNotMatch", refused.ErrorCode);
    }

    private async Task<AmazonS3Client> ClientAsync()
    {
        var s3 = Client(sandbox.Fleet.Secrets.Get("storage"));
        await s3.PutBucketAsync(_bucket);
        return s3;
    }

    private AmazonS3Client Client(string secret) => new(
        new BasicAWSCredentials(S3Api.AccessKey, secret),
        new AmazonS3Config
        {
            ServiceURL = $"http://{sandbox.Fleet.Ports.AddressVia(Sites.Console, "eu-west-1", Services.Storage)}",
            ForcePathStyle = true,
            AuthenticationRegion = "eu-west-1",
            MaxErrorRetry = 0,
        });
}
