using System.Buffers;
using System.Globalization;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>
/// Cuts bytes into frames and takes each apart, for people who debug a client or a broker. Unlike <see cref="FrameReader"/> it does not stop at the first
/// mistake: it shows what can be read and says what is wrong with the rest.
/// </summary>
internal static class FrameDecoder
{
    /// <summary>Takes every frame of <paramref name="bytes"/> apart. The last one may be incomplete and says so.</summary>
    public static List<DecodedFrame> DecodeAll(ReadOnlySpan<byte> bytes)
    {
        List<DecodedFrame> frames = [];
        int position = 0;
        while (position < bytes.Length)
        {
            frames.Add(DecodeOne(bytes[position..], position, out int consumed));
            position += consumed;
        }

        return frames;
    }

    private static DecodedFrame DecodeOne(ReadOnlySpan<byte> bytes, int position, out int consumed)
    {
        if (bytes.Length < FrameHeader.Size)
        {
            consumed = bytes.Length;
            DecodedFrame stub = new() { Name = "(no frame)", Sender = "unknown", Position = position };
            stub.Blame($"a header has {FrameHeader.Size} bytes, {bytes.Length} are there");
            return stub;
        }

        FrameHeader header = FrameHeader.Read(bytes);
        DecodedFrame frame = new()
        {
            Name = NameOf(header.Type),
            Sender = SenderOf(header.Type),
            Request = header.Request,
            Length = header.Length,
            Position = position,
        };
        ReadOnlySpan<byte> body = bytes[FrameHeader.Size..];
        if (body.Length < header.Length)
        {
            frame.Blame($"the header announces a body of {header.Length} bytes, {body.Length} follow");
        }

        body = body[..Math.Min(body.Length, header.Length)];
        consumed = FrameHeader.Size + body.Length;
        JudgeHeader(header, frame);
        DecodeBody(header.Type, body, frame);
        return frame;
    }

    private static void JudgeHeader(FrameHeader header, DecodedFrame frame)
    {
        bool known = Enum.IsDefined(header.Type) && header.Type != FrameType.None;
        if (header.Type == FrameType.None)
        {
            frame.Blame("type 0 is never on the wire (BAD_FRAME)");
        }
        else if (!known || header.Type is FrameType.Ack)
        {
            frame.Blame(FrameTypes.IsOptional(header.Type)
                ? "unknown in version 1; a peer ignores it"
                : header.Request != 0 ? "unknown in version 1 (UNSUPPORTED)" : "unknown in version 1, and no request (BAD_FRAME)");
        }

        bool clientOnly = FrameTypes.IsFromClient(header.Type) && !FrameTypes.IsFromServer(header.Type);
        int lengthMax = header.Type is FrameType.Hello or FrameType.Proof ? ProtocolLimits.HelloSizeMax
            : clientOnly ? ProtocolLimits.ClientFrameSizeMax
            : ProtocolLimits.ServerFrameSizeMax;
        if (header.Length > lengthMax)
        {
            frame.Blame($"a body of {header.Length} bytes; at most {lengthMax} are allowed (FRAME_TOO_LARGE)");
        }

        if (header.Request == 0 && IsRequest(header.Type))
        {
            frame.Blame("a request needs a request number (BAD_FRAME)");
        }
        else if (header.Request != 0 && IsUnasked(header.Type))
        {
            frame.Blame($"request {header.Request}: this frame is neither request nor answer and carries 0");
        }
    }

    private static void DecodeBody(FrameType type, ReadOnlySpan<byte> body, DecodedFrame frame)
    {
        if (IsMap(type))
        {
            if (ControlMap.TryParse(new ReadOnlySequence<byte>(body.ToArray()), out ControlMap? map, out string reason))
            {
                AddMap(map, frame.Add);
                ControlKeys.Judge(type, map, frame.Blame);
                return;
            }

            frame.Blame($"the map cannot be read: {reason}");
        }
        else if (BodyDecoder.TryDecode(type, body, frame))
        {
            return;
        }

        if (!body.IsEmpty)
        {
            frame.Add(new DecodedField("body", 0, Convert.ToHexStringLower(body), $"{body.Length} bytes"));
        }
    }

    /// <summary>Adds the entries of a map.</summary>
    public static void AddMap(ControlMap map, Action<DecodedField> add)
    {
        foreach (string key in map.Keys)
        {
            add(FieldOf(SafeText.OneLine(key), map[key]));
        }
    }

    private static DecodedField FieldOf(string name, object? value)
    {
        switch (value)
        {
            case byte[] { Length: Id128.Size } id:
                return new DecodedField(name, -1, Convert.ToHexStringLower(id));
            case byte[] bytes:
                return new DecodedField(name, -1, Convert.ToHexStringLower(bytes), $"{bytes.Length} bytes");
            case string text:
                return new DecodedField(name, -1, $"\"{SafeText.OneLine(text)}\"");
            case double number:
                return new DecodedField(name, -1, number.ToString("R", CultureInfo.InvariantCulture));
            case ControlMap map:
                List<DecodedField> entries = [];
                AddMap(map, entries.Add);
                return new DecodedField(name, -1, null, $"map of {map.Count}", entries);
            case List<object?> list:
                return new DecodedField(name, -1, null, $"array of {list.Count}", [.. list.Select((element, index) => FieldOf($"[{index}]", element))]);
            case long micros when name is "time_us" or "last_seen" or "status_until":
                return new DecodedField(name, -1, micros, Timestamps.Format(micros));
            default:
                return new DecodedField(name, -1, value, value is null ? "nil" : null);
        }
    }

    private static bool IsMap(FrameType type) => type is FrameType.Hello or FrameType.Welcome or FrameType.Challenge or FrameType.Proof or FrameType.Reply or FrameType.Notice || IsControlRequest(type);

    private static bool IsControlRequest(FrameType type) => FrameTypes.IsControlRequest(type);

    private static bool IsRequest(FrameType type) =>
        IsControlRequest(type) || type is FrameType.Publish or FrameType.Subscribe or FrameType.Unsubscribe or FrameType.Fetch;

    private static bool IsUnasked(FrameType type) =>
        type is FrameType.Hello or FrameType.Welcome or FrameType.Challenge or FrameType.Proof or FrameType.Close or FrameType.Deliver or FrameType.Lag or FrameType.Credit or FrameType.Signal or FrameType.Notice or FrameType.Presence;

    private static string NameOf(FrameType type) => Enum.IsDefined(type) && type != FrameType.None
        ? type.ToString()
        : string.Create(CultureInfo.InvariantCulture, $"type 0x{(byte)type:X2}");

    private static string SenderOf(FrameType type) => (FrameTypes.IsFromClient(type), FrameTypes.IsFromServer(type)) switch
    {
        (true, true) => "both",
        (true, false) => "C→S",
        (false, true) => "S→C",
        _ => "unknown",
    };
}
