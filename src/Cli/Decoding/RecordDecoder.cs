using System.Buffers;
using System.Text.Unicode;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Takes the records of a Deliver or Chunk frame apart (protocol.md §4.4, §5.1) and checks what a reader may rely on.</summary>
internal static class RecordDecoder
{
    /// <summary>Reads the fixed fields and every record behind them.</summary>
    public static void DecodeAll(ref BodyCursor cursor, DecodedFrame frame)
    {
        cursor.Id("conversation");
        cursor.U32("epoch");
        uint count = cursor.U32("count");
        if (cursor.Ended)
        {
            return;
        }

        ReadOnlySpan<byte> rest = cursor.Rest;
        int offset = Deliver.FixedSize;
        uint found = 0;
        ulong previous = 0;
        while (!rest.IsEmpty)
        {
            int before = rest.Length;
            if (!MessageRecord.TryRead(ref rest, out MessageRecord record))
            {
                frame.Blame($"no record can begin at offset {offset}: {before} bytes are left, and a record has at least {MessageRecord.FixedSize} and ends inside the frame");
                return;
            }

            found++;
            DecodeOne(record, offset, frame);
            if (found > 1 && record.Sequence != previous + 1)
            {
                frame.Blame($"sequence {record.Sequence} follows {previous}: records of a frame are consecutive");
            }

            previous = record.Sequence;
            offset += before - rest.Length;
        }

        if (found != count)
        {
            frame.Blame($"count says {count} records, {found} are there");
        }
        else if (count == 0)
        {
            frame.Blame("a frame without records is never sent");
        }
    }

    /// <summary>A kind's name (protocol.md §5.2); null when it has none.</summary>
    public static string? KindNote(byte kind) => Enum.IsDefined((MessageKind)kind) && kind != 0 ? MessageJson.KindName((MessageKind)kind) : null;

    private static void DecodeOne(in MessageRecord record, int offset, DecodedFrame frame)
    {
        List<DecodedField> parts = [];
        BodyCursor cursor = new(record.Bytes, offset, parts.Add, frame.Blame);
        cursor.U32("size");
        bool intact = record.ChecksumMatches;
        cursor.U32("crc32c", intact ? "matches" : "WRONG");
        ulong sequence = cursor.U64("sequence");
        cursor.Time("sent_at");
        cursor.Id("sender");
        cursor.Id("client_message_id");
        cursor.Device("device");
        cursor.U8("kind", KindNote);
        cursor.U8("flags", static value => FlagsNote((RecordFlags)value));
        cursor.Zero(2);
        if ((record.Flags & RecordFlags.OnBehalf) != 0)
        {
            cursor.Id("publisher");
        }

        AddBody(record, offset, parts, frame);
        frame.Add(new DecodedField("record", offset, null, $"{record.Bytes.Length} bytes", parts));
        if (!intact)
        {
            frame.Blame($"record {sequence}: the checksum is {record.StoredChecksum:x8}, its bytes give {Crc32C.Compute(record.Bytes[8..]):x8}");
        }
    }

    private static void AddBody(in MessageRecord record, int offset, List<DecodedField> parts, DecodedFrame frame)
    {
        int at = offset + record.Bytes.Length - record.Body.Length;
        parts.Add(new DecodedField("body", at, BodyDecoder.Show(record.Body), $"{record.Body.Length} bytes"));
        if ((record.Flags & RecordFlags.Erased) != 0)
        {
            return;
        }

        if (record.Kind == MessageKind.Text && !Utf8.IsValid(record.Body))
        {
            frame.Blame($"record {record.Sequence}: kind text, but the body is not well-formed UTF-8");
        }

        if (record.Kind == MessageKind.ConversationChanged)
        {
            AddChanges(record, parts, frame);
        }

        if (record.Kind is MessageKind.MemberAdded or MessageKind.MemberRemoved or MessageKind.MemberChanged)
        {
            if (MembershipBody.TryRead(record.Body, out MembershipBody membership))
            {
                parts.Add(new DecodedField("user", at, membership.User.ToString()));
                parts.Add(new DecodedField("role", at + Id128.Size, (long)membership.Role, MemberRoles.NameOf(membership.Role)));
                if (record.Body.Length >= MembershipBody.SizeMax)
                {
                    string until = membership.Role == MemberRole.Invited ? $"invited as {MemberRoles.NameOf(SystemTexts.InvitedAs(membership))}" : Timestamps.Format(membership.MutedUntil);
                    parts.Add(new DecodedField("visible_from", at + 24, membership.VisibleFrom));
                    parts.Add(new DecodedField("muted_until", at + 32, membership.MutedUntil, until));
                    parts.Add(new DecodedField("since", at + 40, membership.Since));
                }
            }
            else
            {
                frame.Blame($"record {record.Sequence}: a membership body has {MembershipBody.SizeMin} or more bytes");
            }
        }
    }

    private static void AddChanges(in MessageRecord record, List<DecodedField> parts, DecodedFrame frame)
    {
        if (!ControlMap.TryParse(new ReadOnlySequence<byte>(record.Body.ToArray()), out ControlMap? map, out string reason))
        {
            frame.Blame($"record {record.Sequence}: the map cannot be read: {reason}");
            return;
        }

        FrameDecoder.AddMap(map, parts.Add);
        try
        {
            ConversationChanges.Parse(map);
        }
        catch (ControlFormatException wrong)
        {
            frame.Blame($"record {record.Sequence}: {wrong.Message}");
        }
    }

    private static string? FlagsNote(RecordFlags flags)
    {
        string note = string.Join(", ", new[]
        {
            (flags & RecordFlags.OnBehalf) != 0 ? "on behalf" : null,
            (flags & RecordFlags.Erased) != 0 ? "erased" : null,
        }.Where(static name => name is not null));
        return note.Length > 0 ? note : null;
    }
}
