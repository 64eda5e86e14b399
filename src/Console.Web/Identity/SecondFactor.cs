using Microsoft.AspNetCore.DataProtection;
using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

/// <summary>Locked: it was not looked at, after too many wrong ones.</summary>
public enum CodeVerdict { Accepted, Wrong, Used, NotEnrolled, Locked }

/// <summary>Enrolment and checking of TOTP. Each time step counts once per user, on whichever node it is shown.</summary>
public sealed class SecondFactor(IdentityDb db, IDataProtectionProvider protection, IAuditLog audit, TimeProvider clock)
{
    /// <summary>Steps that are kept; those outside the tolerance of one cannot match any more.</summary>
    private const int Remembered = 10;

    private readonly IDataProtector protector = protection.CreateProtector("OpsConsole.Totp");

    /// <summary>A new secret, in force after <see cref="ConfirmAsync"/>.</summary>
    public async Task<(string Secret, string Uri)> BeginAsync(ConsoleUser user, CancellationToken cancel)
    {
        var secret = Totp.ToBase32(Totp.NewSecret());
        user.PendingTotpSecret = protector.Protect(secret);
        await db.SaveChangesAsync(cancel);
        return (secret, Totp.Uri(user.Email!, secret));
    }

    public async Task<CodeVerdict> ConfirmAsync(ConsoleUser user, string code, string? from, CancellationToken cancel)
    {
        if (user.PendingTotpSecret is null)
            return CodeVerdict.NotEnrolled;
        if (Totp.Match(Secret(user.PendingTotpSecret), code, clock.GetUtcNow()) is not { } step)
            return CodeVerdict.Wrong;
        if (!await UseAsync(user, step, cancel))
            return CodeVerdict.Used;
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        user.TotpSecret = user.PendingTotpSecret;
        user.PendingTotpSecret = null;
        user.TwoFactorEnabled = true;
        await db.SaveChangesAsync(cancel);
        await audit.AppendAsync(new AuditDraft(user.Email!, "account.totpEnroll", $"user:{user.Id}", From: from), cancel);
        await transaction.CommitAsync(cancel);
        return CodeVerdict.Accepted;
    }

    public async Task<CodeVerdict> VerifyAsync(ConsoleUser user, string code, CancellationToken cancel)
    {
        if (!user.TwoFactorEnabled || user.TotpSecret is null)
            return CodeVerdict.NotEnrolled;
        if (Totp.Match(Secret(user.TotpSecret), code, clock.GetUtcNow()) is not { } step)
            return CodeVerdict.Wrong;
        return await UseAsync(user, step, cancel) ? CodeVerdict.Accepted : CodeVerdict.Used;
    }

    /// <summary>The primary key decides: of two requests with one code, one wins, on whichever nodes they arrive.</summary>
    private async Task<bool> UseAsync(ConsoleUser user, long step, CancellationToken cancel)
    {
        await db.UsedCodes.Where(c => c.UserId == user.Id && c.Step < step - Remembered).ExecuteDeleteAsync(cancel);
        return await db.Database.ExecuteSqlAsync(
            $"""INSERT INTO identity.used_code ("UserId", "Step") VALUES ({user.Id}, {step}) ON CONFLICT DO NOTHING""", cancel) == 1;
    }

    private byte[] Secret(string protectedSecret) => Base32Bytes(protector.Unprotect(protectedSecret));

    private static byte[] Base32Bytes(string text)
    {
        var bytes = new List<byte>(text.Length * 5 / 8);
        int buffer = 0, bits = 0;
        foreach (var c in text)
        {
            buffer = (buffer << 5) | (c is >= 'A' and <= 'Z' ? c - 'A' : c - '2' + 26);
            bits += 5;
            if (bits < 8)
                continue;
            bytes.Add((byte)(buffer >> (bits - 8)));
            bits -= 8;
            buffer &= (1 << bits) - 1;
        }
        return [.. bytes];
    }
}
