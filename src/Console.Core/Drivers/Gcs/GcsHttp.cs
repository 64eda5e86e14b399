using System.Net;
using System.Net.Http.Headers;
using Google.Apis.Auth.OAuth2;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Gcs;

/// <summary>Requests with a token, and what their answers mean. An endpoint without TLS is an emulator's: it gets no token.</summary>
internal sealed class GcsHttp(IBackupStore store, BackupRepositoryOptions repository) : IDisposable
{
    private const string Scope = "https://www.googleapis.com/auth/devstorage.read_write";
    private readonly HttpClient _client = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(15) }) { Timeout = TimeSpan.FromSeconds(120) };
    private GoogleCredential? _credential;

    private string Root => repository.Endpoint.TrimEnd('/');
    public Uri Upload(string query) => new($"{Root}/upload/storage/v1/b/{repository.Bucket}/o?{query}");
    public Uri Objects(string query) => new($"{Root}/storage/v1/b/{repository.Bucket}/o?{query}");
    public Uri Object(string key, string query) => new($"{Root}/storage/v1/b/{repository.Bucket}/o/{Uri.EscapeDataString(key)}?{query}");

    /// <summary>Sends and gives the answer, whatever its status.</summary>
    /// <exception cref="StoreException">it did not answer, or there is no identity to ask with</exception>
    public async Task<HttpResponseMessage> TryAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        try
        {
            if (request.RequestUri!.Scheme == Uri.UriSchemeHttps) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await TokenAsync(cancel));
            return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        }
        catch (Exception e) when (e is HttpRequestException or HttpIOException)
        {
            throw new StoreException(store.Id, StoreFailure.Unreachable, $"{store.Location} cannot be reached: {e.Message}", e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new StoreException(store.Id, StoreFailure.Silent, $"{store.Location} did not answer in time.", e);
        }
    }

    /// <summary>Sends; every status but success throws.</summary>
    public async Task<HttpResponseMessage> SendAsync(string name, Func<HttpRequestMessage> request, CancellationToken cancel)
    {
        using var message = request();
        var answer = await TryAsync(message, cancel);
        if (answer.IsSuccessStatusCode) return answer;
        using (answer) throw await RefusalAsync(name, answer, cancel);
    }

    public async Task<StoreException> RefusalAsync(string name, HttpResponseMessage answer, CancellationToken cancel)
    {
        var said = await answer.Content.ReadAsStringAsync(cancel);
        var (failure, what) = answer.StatusCode switch
        {
            HttpStatusCode.NotFound => (StoreFailure.Missing, $"there is no {name} (or no bucket {repository.Bucket})."),
            HttpStatusCode.PreconditionFailed => (StoreFailure.Exists, $"{name} is there already."),
            HttpStatusCode.Forbidden when said.Contains("hold", StringComparison.OrdinalIgnoreCase) || said.Contains("retention", StringComparison.OrdinalIgnoreCase) => (StoreFailure.Locked, $"{name} is locked."),
            HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized => (StoreFailure.Denied, $"access is refused ({(int)answer.StatusCode})."),
            HttpStatusCode.InsufficientStorage => (StoreFailure.Full, "it is full."),
            >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout => (StoreFailure.Unreachable, $"it answers {(int)answer.StatusCode}."),
            _ => (StoreFailure.Other, $"it answers {(int)answer.StatusCode}: {said}"),
        };
        return new StoreException(store.Id, failure, what);
    }

    private async Task<string> TokenAsync(CancellationToken cancel)
    {
        try
        {
            _credential ??= (repository.SecretKey.Length > 0
                ? CredentialFactory.FromJson<ServiceAccountCredential>(repository.SecretKey).ToGoogleCredential()
                : await GoogleCredential.GetApplicationDefaultAsync(cancel)).CreateScoped(Scope);
            return await _credential.UnderlyingCredential.GetAccessTokenForRequestAsync(cancellationToken: cancel);
        }
        catch (Exception e) when (e is InvalidOperationException or Google.GoogleApiException or Google.Apis.Auth.OAuth2.Responses.TokenResponseException)
        {
            throw new StoreException(store.Id, StoreFailure.Denied, $"no identity for Google Cloud: {e.Message}", e);
        }
    }

    public void Dispose() => _client.Dispose();
}
