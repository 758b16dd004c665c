using System.Buffers.Binary;

namespace FastChat.Broker.Transport;

/// <summary>Words of the TLS alert protocol that are said here (RFC 8446 §6, RFC 5246 §7.2.2).</summary>
internal enum TlsAlert : byte
{
    CloseNotify = 0,
    UnexpectedMessage = 10,
    BadRecordMac = 20,
    RecordOverflow = 22,
    NoRenegotiation = 100,
}

/// <summary>
/// A TLS connection behind its handshake: records in, plaintext out, and back. It holds two keys and no buffer. There is no handshake any more: a renegotiation is refused, and of the messages behind a handshake only
/// KeyUpdate is known (RFC 8446 §4.6.3).
/// <para>One reader calls <see cref="Take"/>, one writer <see cref="Seal"/> and <see cref="SealLast"/>; what the one finds for the other goes through two fields.</para>
/// </summary>
internal sealed class TlsSession(RecordKeys incoming, RecordKeys outgoing)
{
    /// <summary>Records in a row that carry nothing, or new keys: each costs us more than its sender.</summary>
    private const int IdleRecordsMax = 32;

    private const byte TypeAlert = 21, TypeHandshake = 22, TypeApplicationData = 23;
    private const byte KeyUpdate = 24;

    private RecordKeys _incoming = incoming;
    private RecordKeys _outgoing = outgoing;
    private int _idleRecords;
    private bool _owesKeyUpdate;
    private byte _last;

    /// <summary>True when the peer sends no more. Reader.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>True when the connection broke the protocol; the writer says with what, in the end. Reader.</summary>
    public bool HasFailed => Volatile.Read(ref _last) != (byte)TlsAlert.CloseNotify;

    /// <summary>True when no key may seal more: the connection has to end (TLS 1.2 alone cannot change its key here). Writer.</summary>
    public bool IsWornOut => !_outgoing.Is13 && _outgoing.Number >= RecordKeys.RecordsMax;

    /// <summary>Bytes that <see cref="Seal"/> needs for so many.</summary>
    public static int SealedSize(int plain) => plain + (((plain / RecordKeys.PlainSizeMax) + 2) * RecordKeys.Overhead) + 8;

    /// <summary>Opens the record at the beginning of <paramref name="received"/>, where it lies.</summary>
    /// <param name="received">What has come.</param>
    /// <param name="plain">Where the plaintext is; may be empty.</param>
    /// <returns>Bytes of the record; 0 when it is not there whole, or the connection has ended or failed.</returns>
    public int Take(Span<byte> received, out Range plain)
    {
        plain = default;
        if (received.Length < RecordKeys.HeaderSize || HasEnded || HasFailed)
        {
            return 0;
        }

        int size = BinaryPrimitives.ReadUInt16BigEndian(received[3..]);
        if (size > RecordKeys.PlainSizeMax + RecordKeys.ExpansionMax)
        {
            return Fail(TlsAlert.RecordOverflow);
        }

        if (_incoming.Is13 && received[0] != TypeApplicationData)
        {
            return Fail(TlsAlert.UnexpectedMessage);
        }

        size += RecordKeys.HeaderSize;
        if (received.Length < size)
        {
            return 0;
        }

        Span<byte> record = received[..size];
        if (!_incoming.TryOpen(record, out byte type, out Range content))
        {
            return Fail(TlsAlert.BadRecordMac);
        }

        ReadOnlySpan<byte> body = record[content];
        if (body.Length > RecordKeys.PlainSizeMax)
        {
            return Fail(TlsAlert.RecordOverflow);
        }

        if (type == TypeApplicationData && !body.IsEmpty)
        {
            _idleRecords = 0;
            plain = content;
            return size;
        }

        return ++_idleRecords > IdleRecordsMax || !TryObey(type, body) ? Fail(TlsAlert.UnexpectedMessage) : size;
    }

    /// <summary>Writes <paramref name="plain"/> as records to <paramref name="target"/> (<see cref="SealedSize"/>) and returns their size. As few records as there can be: what is flushed together is sealed together.</summary>
    public int Seal(ReadOnlySpan<byte> plain, Span<byte> target)
    {
        int size = 0;
        if (_outgoing.Is13 && (Volatile.Read(ref _owesKeyUpdate) || _outgoing.Number >= RecordKeys.RecordsMax))
        {
            Volatile.Write(ref _owesKeyUpdate, false);
            size = _outgoing.Seal(TypeHandshake, [KeyUpdate, 0, 0, 1, 0], target);
            Replace(ref _outgoing);
        }

        while (!plain.IsEmpty)
        {
            ReadOnlySpan<byte> part = plain[..Math.Min(plain.Length, RecordKeys.PlainSizeMax)];
            size += _outgoing.Seal(TypeApplicationData, part, target[size..]);
            plain = plain[part.Length..];
        }

        return size;
    }

    /// <summary>Writes the alert that the connection ends with, and forgets the keys.</summary>
    public int SealLast(Span<byte> target)
    {
        byte last = Volatile.Read(ref _last);
        byte level = (TlsAlert)last is TlsAlert.CloseNotify or TlsAlert.NoRenegotiation ? (byte)1 : (byte)2;
        int size = _outgoing.Seal(TypeAlert, [level, last], target);
        _outgoing.Clear();
        _incoming.Clear();
        return size;
    }

    /// <summary>False for what may not come.</summary>
    private bool TryObey(byte type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case TypeApplicationData:
                return true;
            case TypeAlert when body.Length == 2:
                // Whatever it says, behind a handshake it is the peer's last word, but for a warning of TLS 1.2's days that nobody sends any more.
                HasEnded = true;
                return true;
            case TypeHandshake when !_incoming.Is13:
                Fail(TlsAlert.NoRenegotiation);
                return false;
            case TypeHandshake when body.Length == 5 && body[..4].SequenceEqual<byte>([KeyUpdate, 0, 0, 1]) && body[4] <= 1:
                Replace(ref _incoming);
                if (body[4] == 1)
                {
                    Volatile.Write(ref _owesKeyUpdate, true);
                }

                return true;
            default:
                return false;
        }
    }

    private static void Replace(ref RecordKeys keys)
    {
        RecordKeys old = keys;
        keys = old.Next();
        old.Clear();
    }

    private int Fail(TlsAlert alert)
    {
        // The first word counts.
        if (_last == (byte)TlsAlert.CloseNotify)
        {
            Volatile.Write(ref _last, (byte)alert);
        }

        return 0;
    }
}
