using System.Text;

namespace FastChat.History;

/// <summary>What a history says of the reactions to a message: one number for which there are and how many of each, in whatever order; 0 = none.</summary>
public static class ReactionDigest
{
    /// <summary>A reaction as records name it.</summary>
    public static ulong HashOf(string reaction) => BodyHash.Of(Encoding.UTF8.GetBytes(reaction));

    /// <summary>The number.</summary>
    /// <param name="reactions">Each reaction's <see cref="HashOf"/>, and how many people's it is.</param>
    public static ulong Of(IEnumerable<(ulong Reaction, uint Count)> reactions)
    {
        // A sum has no order; each part is mixed with its count, so that two reactions do not change places unseen.
        ulong digest = 0;
        bool isEmpty = true;
        foreach ((ulong reaction, uint count) in reactions)
        {
            ulong mixed = (reaction ^ (count * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93;
            digest += mixed ^ (mixed >> 32);
            isEmpty = false;
        }

        return isEmpty ? 0 : digest | 1;
    }
}
