using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

using FastChat.Protocol;

namespace FastChat.History;

/// <summary>Turns one line into an event. Keys that it does not know are passed over: a newer writer may say more. One per file; not thread-safe.</summary>
internal sealed class EventParser
{
    private readonly Dictionary<string, int> _processes = new(StringComparer.Ordinal);
    private readonly List<byte[]> _names = [];
    private readonly List<string> _texts = [];
    private readonly Dictionary<string, string> _nodes = new(StringComparer.Ordinal);
    private int _lastProcess = -1;

    /// <summary>Reads a line without its line feed; why it is none, or null.</summary>
    public string? Parse(ReadOnlySpan<byte> line, out HistoryEvent e)
    {
        e = default;
        e.ProcessIndex = -1;
        try
        {
            Utf8JsonReader json = new(line);
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject)
            {
                return "a JSON object is expected";
            }

            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                bool isKnown = Words.Keys.TryFind(json.ValueSpan, out HistoryKey key);
                json.Read();
                if (!isKnown)
                {
                    json.Skip();
                }
                else if (!TryTake(key, ref json, ref e))
                {
                    return $"the value of {Encoding.ASCII.GetString(Words.Keys[(int)key])} is not what it must be";
                }
            }

            // What stands behind the object makes the reader throw.
            while (json.Read())
            {
            }
        }
        catch (JsonException)
        {
            return "this is not one JSON object";
        }

        return e.Op == HistoryOp.None ? "op is missing" : EventShape.ProblemOf(e);
    }

    private bool TryTake(HistoryKey key, ref Utf8JsonReader json, ref HistoryEvent e)
    {
        switch (json.TokenType)
        {
            case JsonTokenType.Number:
                return json.TryGetUInt64(out ulong number) && TryTakeNumber(key, number, ref e);

            case JsonTokenType.String:
                return TryTakeText(key, ref json, ref e);

            case JsonTokenType.True or JsonTokenType.False:
                return TryTakeFlag(key, json.TokenType == JsonTokenType.True, ref e);

            default:
                // An absent key and a null mean the same.
                return json.TokenType == JsonTokenType.Null;
        }
    }

    private static bool TryTakeNumber(HistoryKey key, ulong value, ref HistoryEvent e)
    {
        switch (key)
        {
            case HistoryKey.TNs:
                e.TimeNs = (long)value;
                return value <= long.MaxValue;
            case HistoryKey.Request:
                e.Request = value;
                return true;
            case HistoryKey.Sequence:
                e.Sequence = value;
                return true;
            case HistoryKey.Cursor:
                e.Cursor = value;
                return true;
            case HistoryKey.First:
                e.First = value;
                return true;
            case HistoryKey.Last:
                e.Last = value;
                return true;
            case HistoryKey.Head:
                e.Head = value;
                return true;
            case HistoryKey.Next:
                e.Next = value;
                return true;
            case HistoryKey.Kind:
                e.Kind = (MessageKind)value;
                return value <= byte.MaxValue;
            case HistoryKey.Code:
                e.Code = (ushort)value;
                return value <= ushort.MaxValue;
            case HistoryKey.Format:
                e.Format = (uint)value;
                return value <= uint.MaxValue;
            case HistoryKey.Connection:
                e.Connection = (uint)value;
                return value <= uint.MaxValue;
            case HistoryKey.Attempt:
                e.Attempt = (uint)value;
                return value <= uint.MaxValue;
            case HistoryKey.Epoch:
                e.Epoch = (uint)value;
                return value <= uint.MaxValue;
            case HistoryKey.Target:
                e.Target = value;
                return true;
            case HistoryKey.ReplyTo:
                e.ReplyTo = value;
                return true;
            case HistoryKey.Thread:
                e.Thread = value;
                return true;
            case HistoryKey.Role:
                e.Role = (byte)value;
                return value <= byte.MaxValue;
            case HistoryKey.VisibleFrom:
                e.VisibleFrom = value;
                return true;
            case HistoryKey.Read:
                e.Read = value;
                return true;
            case HistoryKey.Delivered:
                e.Delivered = value;
                return true;
            case HistoryKey.Unread:
                e.Unread = value;
                return true;
            case HistoryKey.DeletedBy:
                e.DeletedBy = value;
                return true;
            case HistoryKey.PinnedBy:
                e.PinnedBy = value;
                return true;
            case HistoryKey.Edits:
                e.Edits = (uint)value;
                return value <= uint.MaxValue;
            case HistoryKey.EditedBy:
                e.EditedBy = value;
                return true;
            case HistoryKey.Replies:
                e.Replies = (uint)value;
                return value <= uint.MaxValue;
            case HistoryKey.InThread:
                e.InThread = (uint)value;
                return value <= uint.MaxValue;
            default:
                return false;
        }
    }

    private static bool TryTakeFlag(HistoryKey key, bool value, ref HistoryEvent e)
    {
        switch (key)
        {
            case HistoryKey.Duplicate:
                e.Duplicate = value;
                return true;
            case HistoryKey.Erased:
                e.Erased = value;
                return true;
            case HistoryKey.Backward:
                e.Backward = value;
                return true;
            case HistoryKey.Fresh:
                e.Fresh = value;
                return true;
            case HistoryKey.Complete:
                e.Complete = value;
                return true;
            case HistoryKey.Resumed:
                e.Resumed = value;
                return true;
            case HistoryKey.Closed:
                e.Closed = value;
                return true;
            case HistoryKey.TakenBack:
                e.TakenBack = value;
                return true;
            case HistoryKey.Private:
                e.Private = value;
                return true;
            default:
                return false;
        }
    }

    private bool TryTakeText(HistoryKey key, ref Utf8JsonReader json, ref HistoryEvent e)
    {
        ReadOnlySpan<byte> text = json.ValueSpan;
        switch (key)
        {
            case HistoryKey.Process:
                return TryTakeProcess(ref json, ref e);
            case HistoryKey.Op:
                return Words.Ops.TryFind(text, out e.Op);
            case HistoryKey.Phase:
                return Words.Phases.TryFind(text, out e.Phase);
            case HistoryKey.Status:
                return Words.Statuses.TryFind(text, out e.Status);
            case HistoryKey.Fault:
                return Words.Faults.TryFind(text, out e.Fault);
            case HistoryKey.ConversationKind:
                return Words.Kinds.TryFind(text, out e.ConversationKind);
            case HistoryKey.Node:
                if (!TryGetText(ref json, out string? node))
                {
                    return false;
                }

                e.Node = _nodes.TryGetValue(node, out string? known) ? known : _nodes[node] = node;
                return true;
            case HistoryKey.Device:
                bool isDevice = TryReadHex(text, out ulong device);
                e.Device = new DeviceId(device);
                return isDevice;
            case HistoryKey.Hash:
                return TryReadHex(text, out e.Hash);
            case HistoryKey.Content:
                return TryReadHex(text, out e.Content);
            case HistoryKey.Reactions:
                return TryReadHex(text, out e.Reactions);
            case HistoryKey.Erases:
                return TryReadErased(text, out e.Erases);
            default:
                return TryReadId(text, out UInt128 id) && TryTakeId(key, id, ref e);
        }
    }

    /// <summary>A body that names records; every other text is none.</summary>
    private static bool TryReadErased(ReadOnlySpan<byte> text, out byte[]? body)
    {
        byte[] bytes = new byte[text.Length / 2];
        bool isHex = text.Length <= 2 * (sizeof(ulong) + (ErasedBody.SpanMax / 8))
            && Convert.FromHexString(text, bytes, out int read, out int written) == System.Buffers.OperationStatus.Done && read == text.Length && written == bytes.Length;
        body = isHex && ErasedBody.TryRead(bytes, out _) ? bytes : null;
        return body is not null;
    }

    private static bool TryTakeId(HistoryKey key, UInt128 id, ref HistoryEvent e)
    {
        switch (key)
        {
            case HistoryKey.Conversation:
                e.Conversation = new ConversationId(id);
                return true;
            case HistoryKey.User:
                e.User = new UserId(id);
                return true;
            case HistoryKey.Publisher:
                e.Publisher = new UserId(id);
                return true;
            case HistoryKey.Member:
                e.Member = new UserId(id);
                return true;
            case HistoryKey.ClientMessageId:
                e.ClientMessageId = new ClientMessageId(id);
                return true;
            default:
                return false;
        }
    }

    private bool TryTakeProcess(ref Utf8JsonReader json, ref HistoryEvent e)
    {
        // Lines of one process come in runs.
        if (_lastProcess < 0 || !json.ValueSpan.SequenceEqual(_names[_lastProcess]))
        {
            if (!TryGetText(ref json, out string? name))
            {
                return false;
            }

            if (!_processes.TryGetValue(name, out _lastProcess))
            {
                _lastProcess = _names.Count;
                _processes[name] = _lastProcess;
                _names.Add(json.ValueSpan.ToArray());
                _texts.Add(name);
            }
        }

        e.ProcessIndex = _lastProcess;
        e.Process = _texts[_lastProcess];
        return true;
    }

    /// <summary>False when the text is ill-formed UTF-8 or escapes half a surrogate pair: the reader takes both for JSON, and only unpacking the text finds out.</summary>
    private static bool TryGetText(ref Utf8JsonReader json, [NotNullWhen(true)] out string? text)
    {
        try
        {
            text = json.GetString();
            return text is not null;
        }
        catch (InvalidOperationException)
        {
            text = null;
            return false;
        }
    }

    private static bool TryReadId(ReadOnlySpan<byte> text, out UInt128 id)
    {
        Span<byte> bytes = stackalloc byte[Id128.Size];
        bool isRead = text.Length == 2 * Id128.Size && Convert.FromHexString(text, bytes, out _, out int written) == System.Buffers.OperationStatus.Done && written == Id128.Size;
        id = isRead ? Id128.Read(bytes) : default;
        return isRead;
    }

    private static bool TryReadHex(ReadOnlySpan<byte> text, out ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        bool isRead = text.Length == 2 * sizeof(ulong) && Convert.FromHexString(text, bytes, out _, out int written) == System.Buffers.OperationStatus.Done && written == sizeof(ulong);
        value = isRead ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : 0;
        return isRead;
    }
}
