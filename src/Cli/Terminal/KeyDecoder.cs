using System.Text;

namespace FastChat.Cli;

/// <summary>
/// Turns the bytes of a terminal into keys. Bytes come in pieces of any size: what is not yet a whole key stays here until the rest arrives, or until
/// <see cref="Flush"/> says that nothing follows (a lone Escape). One thread.
/// </summary>
internal sealed class KeyDecoder
{
    private const byte Escape = 0x1B;
    private const int SequenceSizeMax = 32;

    private static readonly byte[] PasteEnd = "\e[201~"u8.ToArray();

    private readonly List<byte> _pending = [];
    private readonly List<byte> _paste = [];
    private bool _pasting;

    /// <summary>True while a key has begun and not ended; the caller flushes after a short silence.</summary>
    public bool IsPending => _pending.Count > 0 && !_pasting;

    /// <summary>Takes bytes and adds the keys that they complete.</summary>
    public void Feed(ReadOnlySpan<byte> bytes, List<Key> keys)
    {
        _pending.AddRange(bytes);
        int used = 0;
        byte[] source = [.. _pending];
        while (used < source.Length)
        {
            int taken = _pasting ? TakePaste(source.AsSpan(used), keys) : TakeKey(source.AsSpan(used), keys);
            if (taken == 0)
            {
                break;
            }

            used += taken;
        }

        _pending.RemoveRange(0, used);
    }

    /// <summary>Nothing follows: a lone Escape is the key, and a torn sequence is dropped.</summary>
    public void Flush(List<Key> keys)
    {
        if (!IsPending)
        {
            return;
        }

        if (_pending[0] == Escape)
        {
            keys.Add(new Key(KeyCode.Escape));
        }

        _pending.Clear();
    }

    private static int TakeKey(ReadOnlySpan<byte> source, List<Key> keys, ref bool pasting)
    {
        byte first = source[0];
        if (first == Escape)
        {
            return TakeEscape(source, keys, ref pasting);
        }

        if (first < 0x20 || first == 0x7F)
        {
            AddControl(first, keys);
            return 1;
        }

        int end = source.IndexOfAnyInRange((byte)0, (byte)0x1F);
        ReadOnlySpan<byte> run = end < 0 ? source : source[..end];
        int delete = run.IndexOf((byte)0x7F);
        run = delete < 0 ? run : run[..delete];
        int whole = WholeRunes(run);
        if (whole == 0)
        {
            return 0;
        }

        keys.Add(new Key(KeyCode.Text, Encoding.UTF8.GetString(run[..whole])));
        return whole;
    }

    // The last rune of a read may lack its continuation bytes.
    private static int WholeRunes(ReadOnlySpan<byte> run)
    {
        int whole = 0;
        while (whole < run.Length)
        {
            System.Buffers.OperationStatus status = Rune.DecodeFromUtf8(run[whole..], out _, out int size);
            if (status == System.Buffers.OperationStatus.NeedMoreData)
            {
                break;
            }

            whole += size;
        }

        return whole;
    }

    private static void AddControl(byte control, List<Key> keys)
    {
        KeyCode? code = control switch
        {
            0x01 => KeyCode.Home,
            0x02 => KeyCode.Left,
            0x03 => KeyCode.Interrupt,
            0x04 => KeyCode.EndOfInput,
            0x05 => KeyCode.End,
            0x06 => KeyCode.Right,
            0x08 or 0x7F => KeyCode.Backspace,
            0x09 => KeyCode.Tab,
            0x0A or 0x0D => KeyCode.Enter,
            0x0B => KeyCode.KillToEnd,
            0x0C => KeyCode.Redraw,
            0x0E => KeyCode.Down,
            0x10 => KeyCode.Up,
            0x15 => KeyCode.KillToStart,
            0x17 => KeyCode.KillWord,
            0x19 => KeyCode.Yank,
            _ => null,
        };
        if (code is { } known)
        {
            keys.Add(new Key(known));
        }
    }

    private static int TakeEscape(ReadOnlySpan<byte> source, List<Key> keys, ref bool pasting)
    {
        if (source.Length < 2)
        {
            return 0;
        }

        byte second = source[1];
        if (second is (byte)'[' or (byte)'O')
        {
            return TakeSequence(source, keys, ref pasting);
        }

        KeyCode? code = second switch
        {
            (byte)'b' => KeyCode.WordLeft,
            (byte)'f' => KeyCode.WordRight,
            (byte)'k' => KeyCode.PickUp,
            (byte)'j' => KeyCode.PickDown,
            0x7F or 0x08 => KeyCode.KillWord,
            >= (byte)'1' and <= (byte)'9' => KeyCode.Select,
            Escape => KeyCode.Escape,
            _ => null,
        };
        if (code is { } known)
        {
            keys.Add(new Key(known, known == KeyCode.Select ? ((char)second).ToString() : string.Empty));
        }

        return second == Escape ? 1 : 2;
    }

    private static int TakeSequence(ReadOnlySpan<byte> source, List<Key> keys, ref bool pasting)
    {
        int end = source[2..].IndexOfAnyInRange((byte)0x40, (byte)0x7E);
        if (end < 0)
        {
            return source.Length > SequenceSizeMax ? source.Length : 0;
        }

        string parameters = Encoding.ASCII.GetString(source[2..(2 + end)]);
        char final = (char)source[2 + end];
        if (final == '~' && parameters == "200")
        {
            pasting = true;
        }
        else if (CodeOf(final, parameters) is { } code)
        {
            keys.Add(new Key(code));
        }

        return 3 + end;
    }

    private static KeyCode? CodeOf(char final, string parameters)
    {
        bool modified = parameters.Contains(';', StringComparison.Ordinal);
        return final switch
        {
            'A' => modified ? KeyCode.PickUp : KeyCode.Up,
            'B' => modified ? KeyCode.PickDown : KeyCode.Down,
            'C' => modified ? KeyCode.WordRight : KeyCode.Right,
            'D' => modified ? KeyCode.WordLeft : KeyCode.Left,
            'H' => KeyCode.Home,
            'F' => KeyCode.End,
            'I' => KeyCode.FocusIn,
            'O' => KeyCode.FocusOut,
            '~' => parameters.Split(';')[0] switch
            {
                "1" or "7" => KeyCode.Home,
                "3" => KeyCode.Delete,
                "4" or "8" => KeyCode.End,
                "5" => KeyCode.PageUp,
                "6" => KeyCode.PageDown,
                _ => null,
            },
            _ => null,
        };
    }

    private int TakeKey(ReadOnlySpan<byte> source, List<Key> keys) => TakeKey(source, keys, ref _pasting);

    private int TakePaste(ReadOnlySpan<byte> source, List<Key> keys)
    {
        int end = source.IndexOf(PasteEnd);
        if (end < 0)
        {
            // The last bytes may be the beginning of the end mark: they wait.
            int safe = Math.Max(0, source.Length - PasteEnd.Length + 1);
            _paste.AddRange(source[..safe]);
            return safe;
        }

        _paste.AddRange(source[..end]);
        _pasting = false;
        string text = Encoding.UTF8.GetString([.. _paste]).Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        _paste.Clear();
        keys.Add(new Key(KeyCode.Paste, text));
        return end + PasteEnd.Length;
    }
}
