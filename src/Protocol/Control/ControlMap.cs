using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

using MessagePack;

namespace FastChat.Protocol;

/// <summary>
/// The body of a control frame: one MessagePack map with text keys (protocol.md §2.4). Control traffic is rare, so it is read into a
/// plain map first and judged field by field afterwards: one decoder to harden instead of one per frame.
/// <para>
/// What a stranger may send is bounded before anything is allocated for it: entries, elements, nesting (also inside values nobody asked for) and
/// sizes, all of them by bytes seen, never by what a header declares. Extension types are refused: no type ever comes from the wire.
/// </para>
/// Not thread-safe.
/// </summary>
public sealed class ControlMap
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, object?> _fields = new(StringComparer.Ordinal);

    /// <summary>Number of fields.</summary>
    public int Count => _fields.Count;

    /// <summary>The field names, in the order they were set or read.</summary>
    public IReadOnlyCollection<string> Keys => _fields.Keys;

    /// <summary>A field's raw value: null, bool, long, ulong (above long), string, byte[], double, List&lt;object?&gt; or ControlMap.</summary>
    public object? this[string key] => _fields.GetValueOrDefault(key);

    /// <summary>Reads a whole body. False with a reason when it is not one well-formed map within the limits.</summary>
    public static bool TryParse(in ReadOnlySequence<byte> body, [NotNullWhen(true)] out ControlMap? map, out string reason)
    {
        map = null;
        MessagePackReader reader = new(body);
        try
        {
            ControlMap parsed = ReadMap(ref reader, depth: 1);
            if (!reader.End)
            {
                reason = "bytes behind the map";
                return false;
            }

            map = parsed;
            reason = string.Empty;
            return true;
        }
        catch (ControlFormatException failure)
        {
            reason = failure.Message;
        }
        catch (Exception failure) when (failure is MessagePackSerializationException or EndOfStreamException or InsufficientExecutionStackException
            or OverflowException or ArgumentOutOfRangeException)
        {
            // The last one comes from the reader's own slicing: a str 32 or bin 32 that declares 2 GiB or more has a negative length there.
            reason = "not well-formed MessagePack";
        }
        catch (DecoderFallbackException)
        {
            reason = "a text is not well-formed UTF-8";
        }

        return false;
    }

    /// <summary>Sets a field; null leaves it out.</summary>
    public ControlMap Set(string key, object? value)
    {
        if (value is not null)
        {
            _fields[key] = value;
        }

        return this;
    }

    /// <summary>Sets an id field.</summary>
    public ControlMap SetId(string key, UInt128 id) => Set(key, IdBytes(id));

    /// <summary>The 16 bytes of an id, as array elements carry them.</summary>
    public static byte[] IdBytes(UInt128 id)
    {
        byte[] bytes = new byte[Id128.Size];
        Id128.Write(bytes, id);
        return bytes;
    }

    /// <summary>A text field, at most <paramref name="sizeMax"/> bytes of UTF-8; null when absent.</summary>
    /// <exception cref="ControlFormatException">Wrong type or too long.</exception>
    public string? Text(string key, int sizeMax)
    {
        object? value = this[key];
        if (value is null)
        {
            return null;
        }

        return value is string text && Encoding.UTF8.GetByteCount(text) <= sizeMax
            ? text
            : throw new ControlFormatException($"{key}: a text of at most {sizeMax} bytes is expected");
    }

    /// <summary>An unsigned integer field; <paramref name="absent"/> when it is not there.</summary>
    /// <exception cref="ControlFormatException">Wrong type, negative or above <paramref name="max"/>.</exception>
    public ulong Number(string key, ulong absent, ulong max = ulong.MaxValue)
    {
        ulong number = this[key] switch
        {
            null => absent,
            long and < 0 => throw new ControlFormatException($"{key}: an unsigned integer is expected"),
            long signed => (ulong)signed,
            ulong unsigned => unsigned,
            _ => throw new ControlFormatException($"{key}: an unsigned integer is expected"),
        };
        return number <= max ? number : throw new ControlFormatException($"{key}: at most {max}");
    }

    /// <summary>A boolean field; false when absent.</summary>
    /// <exception cref="ControlFormatException">Wrong type.</exception>
    public bool Flag(string key) => this[key] switch
    {
        null => false,
        bool flag => flag,
        _ => throw new ControlFormatException($"{key}: a boolean is expected"),
    };

    /// <summary>An id field of 16 bytes; zero when absent.</summary>
    /// <exception cref="ControlFormatException">Wrong type or size.</exception>
    public UInt128 Id(string key) => this[key] is { } value ? ToId(key, value) : default;

    /// <summary>A field of bytes, at most <paramref name="sizeMax"/> of them; null when absent.</summary>
    /// <exception cref="ControlFormatException">Wrong type or too long.</exception>
    public byte[]? Bytes(string key, int sizeMax) => this[key] switch
    {
        null => null,
        byte[] bytes when bytes.Length <= sizeMax => bytes,
        _ => throw new ControlFormatException($"{key}: at most {sizeMax} bytes are expected"),
    };

    /// <summary>An array of ids; null when absent.</summary>
    /// <exception cref="ControlFormatException">Wrong type, or an element that is not an id.</exception>
    public UInt128[]? Ids(string key) => Elements(key)?.Select(element => ToId(key, element)).ToArray();

    /// <summary>An array of texts; null when absent.</summary>
    /// <exception cref="ControlFormatException">Wrong type, or an element that is not such a text.</exception>
    public string[]? Texts(string key, int sizeMax) => Elements(key)?
        .Select(element => element is string text && Encoding.UTF8.GetByteCount(text) <= sizeMax
            ? text
            : throw new ControlFormatException($"{key}: texts of at most {sizeMax} bytes are expected"))
        .ToArray();

    /// <summary>A map; null when absent.</summary>
    /// <exception cref="ControlFormatException">Wrong type.</exception>
    public ControlMap? Map(string key) => this[key] switch
    {
        null => null,
        ControlMap map => map,
        _ => throw new ControlFormatException($"{key}: a map is expected"),
    };

    /// <summary>An array of maps; null when absent. A null element stays null.</summary>
    /// <exception cref="ControlFormatException">Wrong type.</exception>
    public ControlMap?[]? Maps(string key) => Elements(key)?
        .Select(element => element is null or ControlMap ? (ControlMap?)element : throw new ControlFormatException($"{key}: maps are expected"))
        .ToArray();

    /// <summary>Writes the body.</summary>
    public void Write(IBufferWriter<byte> target)
    {
        MessagePackWriter writer = new(target);
        WriteMap(ref writer, this);
        writer.Flush();
    }

    private List<object?>? Elements(string key) => this[key] switch
    {
        null => null,
        List<object?> list => list,
        _ => throw new ControlFormatException($"{key}: an array is expected"),
    };

    private static UInt128 ToId(string key, object? value) => value is byte[] { Length: Id128.Size } bytes
        ? Id128.Read(bytes)
        : throw new ControlFormatException($"{key}: an id of {Id128.Size} bytes is expected");

    private static ControlMap ReadMap(ref MessagePackReader reader, int depth)
    {
        if (reader.End || reader.NextMessagePackType != MessagePackType.Map)
        {
            throw new ControlFormatException("a map is expected");
        }

        CheckDepth(depth);
        int count = reader.ReadMapHeader();
        if (count > ProtocolLimits.ControlMapMax)
        {
            throw new ControlFormatException($"a map has at most {ProtocolLimits.ControlMapMax} entries");
        }

        ControlMap map = new();
        for (int i = 0; i < count; i++)
        {
            if (reader.NextMessagePackType != MessagePackType.String)
            {
                throw new ControlFormatException("map keys are texts");
            }

            string key = ReadText(ref reader);
            if (!map._fields.TryAdd(key, ReadValue(ref reader, depth + 1)))
            {
                throw new ControlFormatException("a key occurs twice");
            }
        }

        return map;
    }

    private static object? ReadValue(ref MessagePackReader reader, int depth)
    {
        switch (reader.NextMessagePackType)
        {
            case MessagePackType.Nil:
                reader.ReadNil();
                return null;
            case MessagePackType.Boolean:
                return reader.ReadBoolean();
            case MessagePackType.Integer:
                return reader.NextCode == MessagePackCode.UInt64 ? Narrow(reader.ReadUInt64()) : reader.ReadInt64();
            case MessagePackType.Float:
                return reader.ReadDouble();
            case MessagePackType.String:
                return ReadText(ref reader);
            case MessagePackType.Binary:
                return reader.ReadBytes()?.ToArray() ?? [];
            case MessagePackType.Array:
                return ReadArray(ref reader, depth);
            case MessagePackType.Map:
                return ReadMap(ref reader, depth);
            default:
                throw new ControlFormatException("extension types are not part of this protocol");
        }
    }

    private static object Narrow(ulong number) => number <= long.MaxValue ? (long)number : number;

    private static List<object?> ReadArray(ref MessagePackReader reader, int depth)
    {
        CheckDepth(depth);
        int count = reader.ReadArrayHeader();
        if (count > ProtocolLimits.ControlArrayMax)
        {
            throw new ControlFormatException($"an array has at most {ProtocolLimits.ControlArrayMax} elements");
        }

        List<object?> list = [];
        for (int i = 0; i < count; i++)
        {
            list.Add(ReadValue(ref reader, depth + 1));
        }

        return list;
    }

    private static string ReadText(ref MessagePackReader reader)
    {
        // MessagePack's own ReadString replaces ill-formed bytes; a name must never be altered silently.
        ReadOnlySequence<byte>? bytes = reader.ReadStringSequence();
        return bytes is { } text ? StrictUtf8.GetString(text) : string.Empty;
    }

    private static void CheckDepth(int depth)
    {
        if (depth > ProtocolLimits.ControlDepthMax)
        {
            throw new ControlFormatException($"values nest at most {ProtocolLimits.ControlDepthMax} deep");
        }
    }

    private static void WriteMap(ref MessagePackWriter writer, ControlMap map)
    {
        writer.WriteMapHeader(map._fields.Count);
        foreach ((string key, object? value) in map._fields)
        {
            writer.Write(key);
            WriteValue(ref writer, value);
        }
    }

    private static void WriteValue(ref MessagePackWriter writer, object? value)
    {
        switch (value)
        {
            case null: writer.WriteNil(); break;
            case bool flag: writer.Write(flag); break;
            case byte small: writer.Write(small); break;
            case int number: writer.Write(number); break;
            case uint number: writer.Write(number); break;
            case long number: writer.Write(number); break;
            case ulong number: writer.Write(number); break;
            case double number: writer.Write(number); break;
            case string text: writer.Write(text); break;
            case byte[] bytes: writer.Write(bytes); break;
            case ControlMap map: WriteMap(ref writer, map); break;
            case System.Collections.IEnumerable elements: WriteArray(ref writer, elements); break;
            default: throw new ArgumentException($"{value.GetType()} is not a value of control bodies", nameof(value));
        }
    }

    private static void WriteArray(ref MessagePackWriter writer, System.Collections.IEnumerable elements)
    {
        object?[] list = elements.Cast<object?>().ToArray();
        writer.WriteArrayHeader(list.Length);
        foreach (object? element in list)
        {
            WriteValue(ref writer, element);
        }
    }
}

/// <summary>A control body has a field that cannot be read; the message names it and is fit for the peer's eyes.</summary>
public sealed class ControlFormatException : Exception
{
    /// <summary>Makes the exception with the sentence that the peer is told.</summary>
    public ControlFormatException(string message)
        : base(message)
    {
    }
}
