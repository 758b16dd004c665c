using FastChat.Protocol;
using FastChat.TestSupport;

namespace FastChat.Fuzz.Targets;

/// <summary>The vectors of <c>tests/vectors</c> as inputs: what the protocol's own document shows, valid and invalid.</summary>
internal static class VectorSeeds
{
    /// <summary>All frames, those of traces one by one, and the beginnings that are none.</summary>
    public static IEnumerable<byte[]> Frames() =>
        VectorFile.ReadFrames().Select(vector => vector.Bytes)
            .Concat(VectorFile.Read("invalid").Select(vector => vector.Bytes))
            .Concat(VectorFile.Read("resume").Concat(VectorFile.Read("scram")).SelectMany(vector => vector.Frames).Select(frame => frame.Bytes));

    /// <summary>The bodies of the frames of a type.</summary>
    public static IEnumerable<byte[]> Bodies(FrameType type) => Frames()
        .Where(frame => frame.Length >= FrameHeader.Size && FrameHeader.Read(frame).Type == type)
        .Select(frame => frame[FrameHeader.Size..]);

    /// <summary>The bodies of all frames whose body is a map.</summary>
    public static IEnumerable<byte[]> Maps() => Frames()
        .Where(frame => frame.Length >= FrameHeader.Size && IsMap(FrameHeader.Read(frame).Type))
        .Select(frame => frame[FrameHeader.Size..]);

    /// <summary>Stored records.</summary>
    public static IEnumerable<byte[]> Records() => VectorFile.Read("record").Select(vector => vector.Bytes);

    private static bool IsMap(FrameType type) =>
        type is FrameType.Hello or FrameType.Welcome or FrameType.Challenge or FrameType.Proof or FrameType.Reply or FrameType.Notice || FrameTypes.IsControlRequest(type);
}
