using System.Security.Cryptography;
using System.Text;

using FastChat.Protocol;

namespace FastChat.Broker.Routing;

/// <summary>
/// Which shard owns what (docs/decisions/0002-placement.md). The two most significant bytes of an id are its placement; a name has one as well,
/// by its hash, and whatever is made under a name gets an id of the name's placement. So a name, the object it names, and everything keyed by
/// that object's id change in one shard and one atomic batch.
/// </summary>
internal sealed class ShardMap(int count)
{
    /// <summary>Number of shards, fixed when the store was made.</summary>
    public int Count { get; } = count;

    /// <summary>The shard of an id.</summary>
    public int ShardOf(UInt128 id) => Id128.Placement(id) % Count;

    /// <summary>The placement of a name in its scope.</summary>
    public static ushort PlacementOf(char scope, string canonicalName)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(scope + canonicalName), hash);
        return (ushort)((hash[0] << 8) | hash[1]);
    }
}
