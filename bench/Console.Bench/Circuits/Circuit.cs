using System.Net.WebSockets;
using System.Text;
using System.Text.RegularExpressions;

namespace OpsConsole.Bench.Circuits;

/// <summary>One live page without a browser: fetches the page, opens its circuit, acknowledges each render batch at once.</summary>
internal sealed partial class Circuit(Uri console, string cookie, string path) : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly byte[] _receive = new byte[256 * 1024];
    private int _buffered;
    private Task _reading = Task.CompletedTask;
    private readonly TaskCompletionSource _rendered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _error;

    public int Batches { get; private set; }
    public long Bytes { get; private set; }

    /// <summary>Called with each render batch's bytes, on the reading task.</summary>
    public Action<Circuit, ReadOnlyMemory<byte>>? OnBatch { get; set; }

    public async Task OpenAsync(HttpClient http, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(console, path));
        request.Headers.Add("Cookie", cookie);
        using var response = await http.SendAsync(request, cancel);
        response.EnsureSuccessStatusCode();
        var html = await response.Content.ReadAsStringAsync(cancel);
        var markers = Marker().Matches(html).Select(m => m.Groups[1].Value).Where(m => m.Contains("\"descriptor\"", StringComparison.Ordinal)).ToList();
        if (markers.Count == 0) throw new InvalidOperationException($"{path} has no interactive component: is the session signed in?");
        var state = State().Match(html) is { Success: true } match ? match.Groups[1].Value : "";

        _socket.Options.SetRequestHeader("Cookie", cookie);
        await _socket.ConnectAsync(new UriBuilder(new Uri(console, "/_blazor")) { Scheme = "ws" }.Uri, cancel);
        await _socket.SendAsync(Encoding.UTF8.GetBytes(BlazorPack.Handshake), WebSocketMessageType.Text, true, cancel);
        _reading = ReadAsync(cancel);
        await SendAsync(BlazorPack.Invocation("0", "StartCircuit", console.ToString(), new Uri(console, path).ToString(), "[]", state), cancel);
        var operations = string.Join(',', markers.Select((m, i) => $"{{\"type\":\"add\",\"ssrComponentId\":{i + 1},\"marker\":{m}}}"));
        await SendAsync(BlazorPack.Invocation(null, "UpdateRootComponents", $"{{\"batchId\":1,\"operations\":[{operations}]}}", state), cancel);
        await _rendered.Task.WaitAsync(TimeSpan.FromSeconds(30), cancel);
    }

    /// <summary>Throws when the server ended the circuit or reported an error.</summary>
    public void ThrowIfBroken()
    {
        if (_error is not null) throw new InvalidOperationException(_error);
        if (_reading.IsFaulted) throw new InvalidOperationException("The circuit broke.", _reading.Exception);
    }

    private async Task ReadAsync(CancellationToken cancel)
    {
        var handshaken = false;
        while (!cancel.IsCancellationRequested && _socket.State == WebSocketState.Open)
        {
            var result = await _socket.ReceiveAsync(_receive.AsMemory(_buffered), cancel);
            if (result.MessageType == WebSocketMessageType.Close) break;
            _buffered += result.Count;
            if (!handshaken)
            {
                var end = Array.IndexOf(_receive, (byte)0x1E, 0, _buffered);
                if (end < 0) continue;
                handshaken = true;
                Consume(end + 1);
            }
            while (BlazorPack.TryReadLength(_receive.AsSpan(0, _buffered), out var payload, out var prefix))
            {
                if (payload + prefix > _receive.Length) throw new InvalidDataException($"message of {payload} bytes");
                if (payload + prefix > _buffered) break;
                await HandleAsync(_receive.AsMemory(prefix, payload), cancel);
                Consume(prefix + payload);
            }
        }
    }

    private async Task HandleAsync(ReadOnlyMemory<byte> message, CancellationToken cancel)
    {
        var (target, batch, data) = Parse(message);
        switch (target)
        {
            case "JS.RenderBatch":
                Batches++;
                Bytes += data.Length;
                OnBatch?.Invoke(this, data);
                await SendAsync(BlazorPack.Invocation(null, "OnRenderCompleted", batch, null), cancel);
                _rendered.TrySetResult();
                break;
            case "JS.BeginInvokeJS":
                // Answer every script call with null; the page then treats the module as absent or void.
                await SendAsync(BlazorPack.Invocation(null, "EndInvokeJSFromDotNet", batch, true, $"[{batch},true,null]"), cancel);
                break;
            case "JS.Error":
                _error = Encoding.UTF8.GetString(data.Span);
                _rendered.TrySetException(new InvalidOperationException(_error));
                break;
            case "ping":
                await SendAsync(BlazorPack.Ping(), cancel);
                break;
        }
    }

    private static (string Target, long Number, ReadOnlyMemory<byte> Data) Parse(ReadOnlyMemory<byte> message)
    {
        var reader = new PackReader(message.Span);
        reader.ArrayHeader();
        var kind = reader.Integer();
        if (kind == 6) return ("ping", 0, default);
        if (kind != 1) return ("", 0, default);
        reader.SkipMap();
        reader.Text();
        var target = reader.Text() ?? "";
        reader.ArrayHeader();
        switch (target)
        {
            case "JS.RenderBatch":
                var id = reader.Integer();
                return (target, id, reader.Bytes().ToArray());
            case "JS.BeginInvokeJS":
                return (target, reader.Integer(), default);
            case "JS.Error":
                return (target, 0, reader.Bytes().ToArray());
            default:
                return (target, 0, default);
        }
    }

    private async Task SendAsync(byte[] frame, CancellationToken cancel) => await _socket.SendAsync(frame, WebSocketMessageType.Binary, true, cancel);

    private void Consume(int count)
    {
        _receive.AsSpan(count, _buffered - count).CopyTo(_receive);
        _buffered -= count;
    }

    public async ValueTask DisposeAsync()
    {
        if (_socket.State == WebSocketState.Open) await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        _socket.Dispose();
    }

    [GeneratedRegex("<!--Blazor:(\\{.*?\\})-->")]
    private static partial Regex Marker();

    [GeneratedRegex("<!--Blazor-Server-Component-State:(.*?)-->")]
    private static partial Regex State();
}
