namespace OpsConsole.Web.Api;

/// <summary>A list as the API gives it; the cursor goes back as <c>?cursor=</c> (or <c>?after=</c>) and is null on the last page.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor = null);
