using System.Buffers;

using FastChat.Protocol;

namespace FastChat.TestSupport;

/// <summary>A frame as a <see cref="ScriptedPeer"/> received it, in memory of its own.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Request">The request number.</param>
/// <param name="Body">The body.</param>
public sealed record ReceivedFrame(FrameType Type, uint Request, byte[] Body)
{
    /// <summary>The frame's bytes.</summary>
    public byte[] ToBytes() => RawFrame.ToBytes((byte)Type, Request, Body);

    /// <summary>The body of a control frame.</summary>
    /// <exception cref="ScriptException">It cannot be read.</exception>
    public ControlMap ToMap() => ControlMap.TryParse(new ReadOnlySequence<byte>(Body), out ControlMap? map, out string reason)
        ? map
        : throw new ScriptException($"{this}: {reason}");

    /// <summary>The body of an Error or Close frame.</summary>
    /// <exception cref="ScriptException">It cannot be read.</exception>
    public Failure ToFailure() => Failure.TryRead(Body, out Failure failure) ? failure : throw new ScriptException($"{this}: no failure");

    /// <summary>The sequences of the records of a Deliver or Chunk frame.</summary>
    /// <exception cref="ScriptException">It cannot be read, or a record's checksum differs.</exception>
    public IReadOnlyList<ulong> ToSequences()
    {
        List<ulong> sequences = [];
        if (!Deliver.TryRead(Body, out Deliver deliver))
        {
            throw new ScriptException($"{this}: no records");
        }

        ReadOnlySpan<byte> records = deliver.Records;
        while (!records.IsEmpty)
        {
            if (!MessageRecord.TryRead(ref records, out MessageRecord record) || !record.ChecksumMatches)
            {
                throw new ScriptException($"{this}: record {sequences.Count} cannot be read");
            }

            sequences.Add(record.Sequence);
        }

        return sequences;
    }

    /// <summary>What a failing test prints: the name, the request, and the code and reason of a failure.</summary>
    public override string ToString()
    {
        string frame = $"{Type} request={Request} ({Body.Length} bytes)";
        if (Type is not (FrameType.Error or FrameType.Close) || !Failure.TryRead(Body, out Failure failure))
        {
            return frame;
        }

        string code = Type == FrameType.Error ? ((ErrorCode)failure.Code).ToString() : ((CloseCode)failure.Code).ToString();
        return $"{frame} {code} \"{failure.Reason}\" retry after {failure.RetryAfterMs} ms";
    }
}

/// <summary>Frames by their bytes, right or wrong: unlike <see cref="FrameWriter"/> this writes whatever it is told.</summary>
public static class RawFrame
{
    /// <summary>A whole frame. <paramref name="length"/> is what the header says; −1 = the truth.</summary>
    public static byte[] ToBytes(byte type, uint request, ReadOnlySpan<byte> body, int length = -1)
    {
        byte[] bytes = new byte[8 + body.Length];
        int declared = length < 0 ? body.Length : length;
        bytes[0] = (byte)declared;
        bytes[1] = (byte)(declared >> 8);
        bytes[2] = (byte)(declared >> 16);
        bytes[3] = type;
        for (int i = 0; i < 4; i++)
        {
            bytes[4 + i] = (byte)(request >> (8 * i));
        }

        body.CopyTo(bytes.AsSpan(8));
        return bytes;
    }

    /// <summary>A control frame.</summary>
    public static byte[] ToBytes(FrameType type, uint request, ControlMap map)
    {
        ArrayBufferWriter<byte> body = new();
        map.Write(body);
        return ToBytes((byte)type, request, body.WrittenSpan);
    }
}

/// <summary>A script went another way than it was written; the message says what was expected and what came.</summary>
public sealed class ScriptException : Exception
{
    /// <summary>Makes the exception with its sentence.</summary>
    public ScriptException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
