using System.Text;
using System.Text.Unicode;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>The layouts of the fixed frame bodies, one method per frame, in the order and under the names of protocol.md.</summary>
internal static class BodyDecoder
{
    /// <summary>Takes a body apart; false when the frame has no fixed layout.</summary>
    public static bool TryDecode(FrameType type, ReadOnlySpan<byte> body, DecodedFrame frame)
    {
        BodyCursor cursor = new(body, 0, frame.Add, frame.Blame);
        switch (type)
        {
            case FrameType.Ping or FrameType.Pong: Echo(body, frame); break;
            case FrameType.Close: Failure(ref cursor, frame, static code => Name((CloseCode)code) ?? $"of a later version: {Advice(code)}"); break;
            case FrameType.Error: Failure(ref cursor, frame, static code => Name((ErrorCode)code) ?? "of a later version"); break;
            case FrameType.Credit: Credit(ref cursor, frame); break;
            case FrameType.Publish: Publish(ref cursor, frame); break;
            case FrameType.Published: Published(ref cursor); break;
            case FrameType.Subscribe: Subscribe(ref cursor); break;
            case FrameType.Subscribed: Subscribed(ref cursor); break;
            case FrameType.Unsubscribe or FrameType.Unsubscribed: Unsubscribe(ref cursor); break;
            case FrameType.Deliver or FrameType.Chunk: RecordDecoder.DecodeAll(ref cursor, frame); break;
            case FrameType.Lag: Lag(ref cursor); break;
            case FrameType.Signal: Signal(ref cursor, body.Length, frame); break;
            case FrameType.Presence: Presence(ref cursor); break;
            case FrameType.Fetch: Fetch(ref cursor, frame); break;
            case FrameType.FetchEnd: FetchEnd(ref cursor); break;
            default: return false;
        }

        return true;
    }

    /// <summary>Bytes as people read them: quoted text where they are text, hexadecimal where they are not.</summary>
    public static string Show(ReadOnlySpan<byte> bytes) => Utf8.IsValid(bytes)
        ? $"\"{SafeText.OneLine(Encoding.UTF8.GetString(bytes))}\""
        : Convert.ToHexStringLower(bytes);

    private static void Echo(ReadOnlySpan<byte> body, DecodedFrame frame)
    {
        const int EchoSizeMax = 64;
        frame.Add(new DecodedField("body", 0, Convert.ToHexStringLower(body), $"{body.Length} bytes"));
        if (body.Length > EchoSizeMax)
        {
            frame.Blame($"a body of {body.Length} bytes; at most {EchoSizeMax} are allowed");
        }
    }

    private static void Failure(ref BodyCursor cursor, DecodedFrame frame, Func<ushort, string?> nameOf)
    {
        cursor.U16("code", nameOf);
        cursor.U16("flags", static flags => flags == 0 ? "none" : flags == 1 ? "in order: this publish again before any other" : "of a later version");
        cursor.U32("retry_after", "ms");
        if (!cursor.Ended)
        {
            frame.Add(new DecodedField("reason", Protocol.Failure.FixedSize, Show(cursor.Rest)));
            BlameIllFormed("reason", cursor.Rest, frame);
        }
    }

    private static void Credit(ref BodyCursor cursor, DecodedFrame frame)
    {
        if (cursor.U32("bytes") == 0 && !cursor.Ended)
        {
            frame.Blame("a credit of 0 bytes adds nothing");
        }

        cursor.End();
    }

    private static void Publish(ref BodyCursor cursor, DecodedFrame frame)
    {
        cursor.Id("conversation");
        cursor.Id("client_message_id");
        byte kind = cursor.U8("kind", RecordDecoder.KindNote);
        byte flags = cursor.U8("flags", static value => value switch { 1 => "on behalf", 2 => "if head", 3 => "on behalf, if head", _ => null });
        cursor.Zero(2);
        if ((flags & ~3) != 0)
        {
            frame.Blame($"flags 0x{flags:x2}: only bits 0 and 1 mean anything");
        }

        if ((flags & 1) != 0 && cursor.Id("on_behalf_of") == 0 && !cursor.Ended)
        {
            frame.Blame("on behalf of no one: the id is zero");
        }

        if ((flags & 2) != 0)
        {
            cursor.U64("if_head");
        }

        if (cursor.Ended)
        {
            return;
        }

        ReadOnlySpan<byte> body = cursor.Rest;
        frame.Add(new DecodedField("body", Protocol.Publish.FixedSize + (16 * (flags & 1)) + (4 * (flags & 2)), Show(body), $"{body.Length} bytes"));
        if (body.Length > ProtocolLimits.BodySizeMax)
        {
            frame.Blame($"a message body of {body.Length} bytes; at most {ProtocolLimits.BodySizeMax} are allowed (BODY_TOO_LARGE)");
        }

        if (!MessageKinds.IsPublishable((MessageKind)kind))
        {
            frame.Blame($"clients may not publish kind {kind} (KIND_INVALID)");
        }
        else if (MessageBodies.Check((MessageKind)kind, body, out string reason) is var code && code != ErrorCode.None)
        {
            frame.Blame(code == ErrorCode.InvalidText ? "kind text, but the body is not well-formed UTF-8 (INVALID_TEXT)" : $"kind {kind}: {reason}");
        }
    }

    private static void Published(ref BodyCursor cursor)
    {
        cursor.U32("epoch");
        cursor.U8("durability", static value => value switch { 1 => "fsynced", 2 => "replicated", _ => null });
        cursor.U8("duplicate");
        cursor.Zero(2);
        cursor.U64("sequence");
        cursor.Time("sent_at");
        cursor.End();
    }

    private static void Subscribe(ref BodyCursor cursor)
    {
        cursor.Id("conversation");
        cursor.U32("epoch");
        cursor.Zero(4);
        cursor.U64("after", Latest);
        cursor.End();
    }

    private static void Subscribed(ref BodyCursor cursor)
    {
        cursor.U8("status", static value => value switch { 0 => "RESUMED", 1 => "TRUNCATED", 2 => "EPOCH_CHANGED", _ => null });
        cursor.Zero(3);
        cursor.U32("epoch");
        cursor.U64("first");
        cursor.U64("head");
        cursor.End();
    }

    private static void Unsubscribe(ref BodyCursor cursor)
    {
        cursor.Id("conversation");
        cursor.End();
    }

    private static void Lag(ref BodyCursor cursor)
    {
        cursor.Id("conversation");
        cursor.U32("epoch");
        cursor.U32("flags");
        cursor.U64("next");
        cursor.U64("head");
        cursor.End();
    }

    private static void Signal(ref BodyCursor cursor, int size, DecodedFrame frame)
    {
        // A client's has 20 bytes, a broker's also says who.
        bool isRelayed = size > Protocol.Signal.Size;
        cursor.Id("conversation");
        if (isRelayed)
        {
            cursor.Id("user");
        }

        byte kind = cursor.U8("kind", static value => value switch { 1 => "typing", 2 => "recording", 3 => "stopped", _ => null });
        if (!isRelayed && kind is 0 or > 3 && !cursor.Ended)
        {
            frame.Blame($"there is no kind {kind} (BAD_FRAME)");
        }

        cursor.Zero(3);
        if (isRelayed)
        {
            cursor.U32("time_to_live_ms", "ms");
        }

        cursor.End();
    }

    private static void Presence(ref BodyCursor cursor)
    {
        cursor.Id("conversation");
        cursor.U8("shape", static value => value switch { 0 => "changes", 1 => "restart", 2 => "counts", 3 => "ended", _ => "of a later version" });
        cursor.Zero(3);
        cursor.U32("online");
        cursor.U32("members");
        while (!cursor.Ended && !cursor.Rest.IsEmpty)
        {
            cursor.Id("user");
            cursor.U8("availability", static value => Availabilities.NameOf((Availability)value));
            byte size = cursor.U8("status_size");
            cursor.Zero(2);
            cursor.Time("last_seen");
            cursor.Text("status", size);
        }

        cursor.End();
    }

    private static void Fetch(ref BodyCursor cursor, DecodedFrame frame)
    {
        cursor.Id("conversation");
        cursor.U32("epoch");
        if (cursor.U8("direction", static value => value switch { 0 => "forward", 1 => "backward", _ => null }) > 1)
        {
            frame.Blame("there are directions 0 and 1");
        }

        cursor.Zero(3);
        cursor.U64("position", Latest);
        cursor.U32("max_count");
        cursor.U32("max_bytes");
        cursor.End();
    }

    private static void FetchEnd(ref BodyCursor cursor)
    {
        cursor.U8("complete");
        cursor.Zero(3);
        cursor.U32("epoch");
        cursor.U32("count");
        cursor.Zero(4);
        cursor.U64("first");
        cursor.U64("last");
        cursor.U64("head");
        cursor.End();
    }

    private static string Advice(ushort code) => CloseCodes.AdviceOf((CloseCode)code) switch
    {
        ReconnectAdvice.Now => "reconnect now",
        ReconnectAdvice.Later => "reconnect later",
        _ => "do not reconnect by itself",
    };

    private static string? Latest(ulong position) => position == LogPosition.Latest ? "from the head" : null;

    private static void BlameIllFormed(string name, ReadOnlySpan<byte> text, DecodedFrame frame)
    {
        if (!Utf8.IsValid(text))
        {
            frame.Blame($"'{name}' is not well-formed UTF-8");
        }
    }

    private static string? Name<TCode>(TCode code)
        where TCode : struct, Enum => Enum.IsDefined(code) ? UpperSnake(code.ToString()) : null;

    private static string UpperSnake(string name)
    {
        StringBuilder text = new(name.Length + 4);
        for (int i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsAsciiLetterUpper(name[i]))
            {
                text.Append('_');
            }

            text.Append(char.ToUpperInvariant(name[i]));
        }

        return text.ToString();
    }
}
