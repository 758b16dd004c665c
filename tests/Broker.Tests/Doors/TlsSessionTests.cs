using System.Security.Cryptography;

using FastChat.Broker.Transport;

namespace FastChat.Broker.Tests.Doors;

/// <summary>TLS records behind a handshake: their bytes, and what ends a connection.</summary>
public sealed class TlsSessionTests
{
    private const byte ApplicationData = 23, Handshake = 22, Alert = 21;

    private static readonly byte[] SecretA = Enumerable.Range(0, 32).Select(i => (byte)i).ToArray();
    private static readonly byte[] SecretB = Enumerable.Range(100, 32).Select(i => (byte)i).ToArray();

    [OneTimeSetUp]
    public void Look() => Assume.That(Libssl.IsSupported, "OpenSSL 3 is not here: TLS is the framework's");

    [Test]
    public void TheBytesAreThoseOfRfc8448()
    {
        // §3: server application traffic secret, and the record that carries 50 bytes 00 to 31. Its key has sealed one record before, a ticket.
        RecordKeys keys = RecordKeys.From13(AeadCipher.Aes128Gcm, Convert.FromHexString("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"));
        _ = Seal(keys, Handshake, []);
        byte[] expected = Convert.FromHexString(
            "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d");
        Assert.That(Seal(keys, ApplicationData, Enumerable.Range(0, 50).Select(i => (byte)i).ToArray()), Is.EqualTo(expected));
    }

    [Test]
    public void WhatIsSealedIsOpened([Values(0, 1, 2)] int number, [Values] bool is13, [Values(1, 100, 16_384, 16_385, 100_000)] int size)
    {
        (TlsSession sender, TlsSession receiver) = Pair((AeadCipher)number, is13, Secret(number));
        byte[] sent = RandomNumberGenerator.GetBytes(size);
        for (int round = 0; round < 3; round++)
        {
            byte[] records = Seal(sender, sent);
            Assert.That(records, Has.Length.LessThanOrEqualTo(sent.Length + (30 * ((size / 16_384) + 1))));
            Assert.That(Open(receiver, records), Is.EqualTo(sent));
        }
    }

    [Test]
    public void EveryBitOfARecordCounts([Values(0, 1, 2)] int number, [Values] bool is13)
    {
        AeadCipher cipher = (AeadCipher)number;
        byte[] record = Seal(Pair(cipher, is13, Secret(number)).Sender, [1, 2, 3]);
        for (int bit = 0; bit < record.Length * 8; bit++)
        {
            TlsSession receiver = Pair(cipher, is13, Secret(number)).Receiver;
            byte[] changed = (byte[])record.Clone();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));

            // The two bytes of the version say nothing in TLS 1.2's words and are authenticated in TLS 1.3's.
            int taken = receiver.Take(changed, out Range plain);
            bool isVersion12 = !is13 && bit / 8 is 1 or 2;
            Assert.That(taken == 0 || changed[plain].Length == 0 || isVersion12, Is.True, $"bit {bit} was changed and the record was opened");
        }
    }

    [Test]
    public void APartOfARecordWaits()
    {
        (TlsSession sender, TlsSession receiver) = Pair(AeadCipher.Aes128Gcm, is13: true);
        byte[] record = Seal(sender, [1, 2, 3]);
        for (int size = 0; size < record.Length; size++)
        {
            Assert.That(receiver.Take(record.AsSpan(0, size), out _), Is.Zero);
        }

        Assert.That((receiver.HasFailed, receiver.Take(record, out _)), Is.EqualTo((false, record.Length)));
    }

    [Test]
    public void ARecordThatIsTooLargeIsRefusedByItsHeader()
    {
        TlsSession receiver = Pair(AeadCipher.Aes128Gcm, is13: true).Receiver;
        Assert.That(receiver.Take(new byte[] { ApplicationData, 3, 3, 0x41, 0x01 }, out _), Is.Zero);
        Assert.That((receiver.HasFailed, LastAlert(receiver)), Is.EqualTo((true, (byte)TlsAlert.RecordOverflow)));
    }

    [Test]
    public void ARecordAgainIsNotOpened()
    {
        (TlsSession sender, TlsSession receiver) = Pair(AeadCipher.Aes256Gcm, is13: true, Secret((int)AeadCipher.Aes256Gcm));
        byte[] record = Seal(sender, [1]);
        Assert.That(Open(receiver, (byte[])record.Clone()), Is.EqualTo(new byte[] { 1 }));
        Assert.That(receiver.Take(record, out _), Is.Zero);
        Assert.That(LastAlert(receiver), Is.EqualTo((byte)TlsAlert.BadRecordMac));
    }

    [Test]
    public void NewKeysAreTakenAndAnswered([Values] bool isAnswerAsked)
    {
        RecordKeys client = RecordKeys.From13(AeadCipher.Aes128Gcm, SecretA);
        RecordKeys server = RecordKeys.From13(AeadCipher.Aes128Gcm, SecretB);
        TlsSession broker = new(RecordKeys.From13(AeadCipher.Aes128Gcm, SecretA), RecordKeys.From13(AeadCipher.Aes128Gcm, SecretB));
        byte[] update = Seal(client, Handshake, [24, 0, 0, 1, (byte)(isAnswerAsked ? 1 : 0)]);
        client = client.Next();
        Assert.That(Open(broker, [.. update, .. Seal(client, ApplicationData, [1, 2])]), Is.EqualTo(new byte[] { 1, 2 }));

        byte[] answer = Seal(broker, [3]);
        if (isAnswerAsked)
        {
            int size = 5 + 5 + 1 + Aead.TagSize;
            Assert.That(server.TryOpen(answer.AsSpan(0, size), out byte type, out Range body), Is.True);
            Assert.That((type, answer[body]), Is.EqualTo((Handshake, new byte[] { 24, 0, 0, 1, 0 })));
            server = server.Next();
            answer = answer[size..];
        }

        Assert.That(server.TryOpen(answer, out _, out Range plain), Is.True);
        Assert.That(answer[plain], Is.EqualTo(new byte[] { 3 }));
    }

    [Test]
    public void AKeyThatHasSealedEnoughIsReplaced()
    {
        TlsSession sender = new(RecordKeys.From13(AeadCipher.Aes128Gcm, SecretA), WornOut(RecordKeys.From13(AeadCipher.Aes128Gcm, SecretB)));
        byte[] records = Seal(sender, [9]);
        Assert.That(records, Has.Length.EqualTo(5 + 5 + 1 + Aead.TagSize + 5 + 1 + 1 + Aead.TagSize), "a KeyUpdate in front");
        RecordKeys next = RecordKeys.From13(AeadCipher.Aes128Gcm, SecretB).Next();
        Assert.That(next.TryOpen(records.AsSpan(27), out _, out Range plain), Is.True);
        Assert.That(records[27..][plain], Is.EqualTo(new byte[] { 9 }));

        (RecordKeys client, RecordKeys server) = RecordKeys.From12(AeadCipher.Aes128Gcm, HashAlgorithmName.SHA256, new byte[48], new byte[32], new byte[32]);
        TlsSession old = new(client, WornOut(server));
        Assert.That(old.IsWornOut, Is.True, "TLS 1.2 has no other way than to end");
    }

    [TestCase(true, Handshake, new byte[] { 4, 0, 0, 0 }, TlsAlert.UnexpectedMessage, TestName = "a handshake message that is no KeyUpdate")]
    [TestCase(true, Handshake, new byte[] { 24, 0, 0, 1, 2 }, TlsAlert.UnexpectedMessage, TestName = "a KeyUpdate that says nothing known")]
    [TestCase(true, Handshake, new byte[] { 24, 0, 0 }, TlsAlert.UnexpectedMessage, TestName = "a part of a KeyUpdate")]
    [TestCase(true, (byte)20, new byte[] { 1 }, TlsAlert.UnexpectedMessage, TestName = "ChangeCipherSpec in a sealed record")]
    [TestCase(false, Handshake, new byte[] { 1, 0, 0, 0 }, TlsAlert.NoRenegotiation, TestName = "a renegotiation of TLS 1.2")]
    [TestCase(false, (byte)99, new byte[] { 1 }, TlsAlert.UnexpectedMessage, TestName = "an unknown type")]
    public void WhatMayNotComeEndsTheConnection(bool is13, byte type, byte[] body, object alert)
    {
        (RecordKeys client, TlsSession broker) = Client(is13);
        Assert.That(broker.Take(Seal(client, type, body), out _), Is.Zero);
        Assert.That((broker.HasFailed, LastAlert(broker)), Is.EqualTo((true, (byte)(TlsAlert)alert)));
    }

    [Test]
    public void ARecordInTheClearEndsTheConnection()
    {
        TlsSession broker = Client(is13: true).Broker;
        Assert.That(broker.Take(new byte[] { Handshake, 3, 3, 0, 1, 0 }, out _), Is.Zero);
        Assert.That(LastAlert(broker), Is.EqualTo((byte)TlsAlert.UnexpectedMessage));
    }

    [Test]
    public void ACloseNotifyIsTheEnd([Values] bool is13)
    {
        (RecordKeys client, TlsSession broker) = Client(is13);
        byte[] record = Seal(client, Alert, [1, 0]);
        Assert.That((broker.Take(record, out _), broker.HasEnded, broker.HasFailed), Is.EqualTo((record.Length, true, false)));
        Assert.That(LastAlert(broker), Is.EqualTo((byte)TlsAlert.CloseNotify));
    }

    [Test]
    public void FloodsOfNothingEnd([Values] bool withKeys)
    {
        (RecordKeys client, TlsSession broker) = Client(is13: true);
        int taken = 0;
        for (; taken < 1000 && !broker.HasFailed; taken++)
        {
            broker.Take(withKeys ? Seal(client, Handshake, [24, 0, 0, 1, 0]) : Seal(client, ApplicationData, []), out _);
            client = withKeys ? client.Next() : client;
        }

        Assert.That(taken, Is.LessThan(40));
    }

    [Test]
    public void NothingIsAllocatedForARecord()
    {
        (TlsSession sender, TlsSession receiver) = Pair(AeadCipher.Aes256Gcm, is13: true, Secret((int)AeadCipher.Aes256Gcm));
        byte[] plain = new byte[1000];
        byte[] records = new byte[TlsSession.SealedSize(plain.Length)];
        Exchange();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Exchange();
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Exchange()
        {
            int size = sender.Seal(plain, records);
            if (receiver.Take(records.AsSpan(0, size), out _) != size)
            {
                throw new InvalidOperationException("the record was not opened");
            }
        }
    }

    /// <summary>As long as the hash that goes with the cipher.</summary>
    private static byte[] Secret(int cipher) => (AeadCipher)cipher == AeadCipher.Aes256Gcm ? [.. SecretA, .. SecretA[..16]] : SecretA;

    private static RecordKeys WornOut(RecordKeys keys)
    {
        typeof(RecordKeys).GetProperty(nameof(RecordKeys.Number))!.SetValue(keys, RecordKeys.RecordsMax);
        return keys;
    }

    private static (RecordKeys Client, TlsSession Broker) Client(bool is13)
    {
        if (is13)
        {
            return (RecordKeys.From13(AeadCipher.Aes128Gcm, SecretA), new TlsSession(RecordKeys.From13(AeadCipher.Aes128Gcm, SecretA), RecordKeys.From13(AeadCipher.Aes128Gcm, SecretB)));
        }

        (RecordKeys client, RecordKeys _) = Keys12(AeadCipher.Aes128Gcm);
        (RecordKeys incoming, RecordKeys outgoing) = Keys12(AeadCipher.Aes128Gcm);
        return (client, new TlsSession(incoming, outgoing));
    }

    private static (TlsSession Sender, TlsSession Receiver) Pair(AeadCipher cipher, bool is13, byte[]? secret = null)
    {
        if (is13)
        {
            RecordKeys Make() => RecordKeys.From13(cipher, secret ?? SecretA);
            return (new TlsSession(Make(), Make()), new TlsSession(Make(), Make()));
        }

        (RecordKeys a, RecordKeys b) = Keys12(cipher);
        (RecordKeys c, RecordKeys d) = Keys12(cipher);
        return (new TlsSession(b, a), new TlsSession(c, d));
    }

    private static (RecordKeys Client, RecordKeys Server) Keys12(AeadCipher cipher) => RecordKeys.From12(cipher, HashAlgorithmName.SHA384, new byte[48], SecretA, SecretB);

    private static byte[] Seal(RecordKeys keys, byte type, byte[] plain)
    {
        byte[] target = new byte[plain.Length + RecordKeys.Overhead];
        return target[..keys.Seal(type, plain, target)];
    }

    private static byte[] Seal(TlsSession session, byte[] plain)
    {
        byte[] target = new byte[TlsSession.SealedSize(plain.Length)];
        return target[..session.Seal(plain, target)];
    }

    private static byte[] Open(TlsSession session, byte[] records)
    {
        List<byte> opened = [];
        Memory<byte> rest = records;
        while (session.Take(rest.Span, out Range plain) is var size && size > 0)
        {
            opened.AddRange(rest.Span[plain]);
            rest = rest[size..];
        }

        Assert.That(rest.Length, Is.Zero);
        return [.. opened];
    }

    /// <summary>What the session would say in the end: its own record, opened with the keys of the other side.</summary>
    private static byte LastAlert(TlsSession session)
    {
        byte[] target = new byte[TlsSession.SealedSize(2)];
        byte[] record = target[..session.SealLast(target)];
        foreach (RecordKeys keys in new[] { RecordKeys.From13(AeadCipher.Aes128Gcm, SecretB), RecordKeys.From13(AeadCipher.Aes128Gcm, SecretA), RecordKeys.From13(AeadCipher.Aes256Gcm, [.. SecretA, .. SecretA.Take(16)]), Keys12(AeadCipher.Aes128Gcm).Server })
        {
            byte[] copy = (byte[])record.Clone();
            if (keys.TryOpen(copy, out byte type, out Range body) && type == Alert)
            {
                return copy[body][1];
            }
        }

        // The session's keys may have sealed before.
        throw new InvalidOperationException("the alert cannot be opened");
    }
}
