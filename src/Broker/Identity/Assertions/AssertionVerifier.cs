using FastChat.Protocol;

using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace FastChat.Broker.Identity;

/// <summary>
/// Whether an assertion is good, given a key: its signature by that key and that key's algorithm, then its claims by this broker's clock. The signature comes first, so that nothing but who holds the key learns what else would be wrong. No I/O; any thread.
/// </summary>
internal static class AssertionVerifier
{
    /// <summary>How far an issuer's clock may be ahead of ours. Expiry has no such grace: it would let a connection outlive its token.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    private static readonly JsonWebTokenHandler s_handler = new() { MaximumTokenSizeInBytes = ProtocolLimits.AssertionSizeMax, MapInboundClaims = false };

    /// <summary>Checks it. <see cref="AssertionFault.None"/> when everything is as it has to be.</summary>
    /// <param name="assertion">What was read.</param>
    /// <param name="key">The issuer's key.</param>
    /// <param name="audience">What has to stand in <c>aud</c>.</param>
    /// <param name="types">What may stand in <c>typ</c>.</param>
    /// <param name="nowMicros">The time.</param>
    public static async Task<AssertionFault> CheckAsync(Assertion assertion, VerificationKey key, string audience, IReadOnlyList<string> types, long nowMicros)
    {
        if (!key.IsFor(assertion.Algorithm))
        {
            return AssertionFault.Algorithm;
        }

        // The signature is the library's. Who issued the token, for whom, and for how long is asked below, in the words that the reader found: two answers to one question could differ.
        TokenValidationResult verdict = await s_handler.ValidateTokenAsync(assertion.Text, new TokenValidationParameters
        {
            IssuerSigningKeyResolver = (_, _, _, _) => [key.Material],
            ValidAlgorithms = [assertion.Algorithm],
            RequireSignedTokens = true,
            ValidateIssuer = false,
            ValidateAudience = false,
            ValidateLifetime = false,
            IncludeTokenOnFailedValidation = false,
        });
        if (!verdict.IsValid)
        {
            return AssertionFault.Signature;
        }

        long latest = nowMicros + TokenLives.Micros(Skew);
        return assertion.Type is not { } type || !types.Contains(type, StringComparer.OrdinalIgnoreCase) ? AssertionFault.Type
            : !assertion.Audiences.Contains(audience, StringComparer.Ordinal) ? AssertionFault.Audience
            : assertion.ExpiresMicros <= nowMicros ? AssertionFault.Expired
            : assertion.NotBeforeMicros > latest || assertion.IssuedMicros > latest ? AssertionFault.NotYet
            : AssertionFault.None;
    }
}
