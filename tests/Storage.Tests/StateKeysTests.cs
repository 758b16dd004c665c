using FastChat.Protocol;

namespace FastChat.Storage.Tests;

/// <summary>Layouts that are on disk for ever: compared with their bytes, written out.</summary>
[TestFixture]
internal sealed class StateKeysTests
{
    private static readonly UserId User = new(new UInt128(0x0102030405060708, 0x090a0b0c0d0e0f10));
    private static readonly ConversationId Room = new((UInt128)0xAABB << 112 | 7);

    private const string UserHex = "0102030405060708090a0b0c0d0e0f10";
    private const string RoomHex = "aabb0000000000000000000000000007";

    [Test]
    public void KeysHaveTheirBytes()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Hex(t => StateKeys.WriteName(t, StateKeys.UserNames, "ann"u8)), Is.EqualTo("6e75616e6e"));
            Assert.That(Hex(t => StateKeys.WriteName(t, StateKeys.ConversationNames, "x"u8)), Is.EqualTo("6e6378"));
            Assert.That(Hex(t => StateKeys.WriteName(t, StateKeys.ExternalNames, "x"u8)), Is.EqualTo("6e7878"));
            Assert.That(Hex(t => StateKeys.WriteAccount(t, User)), Is.EqualTo("61" + UserHex));
            Assert.That(Hex(t => StateKeys.WriteDevice(t, User, new DeviceId(0x1122))), Is.EqualTo("76" + UserHex + "0000000000001122"));
            Assert.That(Hex(t => StateKeys.WriteToken(t, new byte[32])), Is.EqualTo("74" + new string('0', 64)));
            Assert.That(Hex(t => StateKeys.WriteFamily(t, new byte[32])), Is.EqualTo("52" + new string('0', 64)));
            Assert.That(Hex(t => StateKeys.WriteConversation(t, Room)), Is.EqualTo("63" + RoomHex));
            Assert.That(Hex(t => StateKeys.WriteMember(t, Room, User)), Is.EqualTo("6d" + RoomHex + UserHex));
            Assert.That(Hex(t => StateKeys.WriteListEntry(t, User, Room)), Is.EqualTo("6c" + UserHex + RoomHex));
            Assert.That(Hex(t => StateKeys.WriteEffect(t, 0x0203, 9)), Is.EqualTo("6f02030000000000000009"));
            Assert.That(Hex(t => StateKeys.WriteProfile(t, User)), Is.EqualTo("66" + UserHex));
            Assert.That(Hex(t => StateKeys.WriteBlock(t, User, new UserId(7))), Is.EqualTo("6b" + UserHex + "00000000000000000000000000000007"));
            Assert.That(Hex(t => StateKeys.WriteDirectBlock(t, Room, User)), Is.EqualTo("62" + RoomHex + UserHex));
            Assert.That(Hex(t => StateKeys.WriteService(t, User, Room)), Is.EqualTo("67" + UserHex + RoomHex));
            Assert.That(Hex(t => StateKeys.WriteLogStart(t, Room)), Is.EqualTo("58" + RoomHex));
            Assert.That(Hex(t => StateKeys.WriteCut(t, Room, 0x0102)), Is.EqualTo("50" + RoomHex + "0000000000000102"));
            Assert.That(Hex(t => StateKeys.WriteForgotten(t, Room, 0x0102)), Is.EqualTo("51" + RoomHex + "0000000000000102"));
            Assert.That(Convert.ToHexStringLower(StateKeys.CommitNumber), Is.EqualTo("0001"));
        }
    }

    [Test]
    public void StartOfALogHasItsBytes() => Assert.That(
        Convert.ToHexStringLower(new LogStart(0x0102, new ChainHash(1, 2, 3, 4), 0x0304, 0x0506).ToBytes()),
        Is.EqualTo("0201000000000000" + "0000000000000001000000000000000200000000000000030000000000000004" + "0403000000000000" + "0605000000000000"));

    [Test]
    public void PrefixesBeginTheirKeys()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Hex(t => StateKeys.WriteDevice(t, User, new DeviceId(1))), Does.StartWith(Hex(t => StateKeys.WriteDevicesPrefix(t, User))));
            Assert.That(Hex(t => StateKeys.WriteMember(t, Room, User)), Does.StartWith(Hex(t => StateKeys.WriteMembersPrefix(t, Room))));
            Assert.That(Hex(t => StateKeys.WriteListEntry(t, User, Room)), Does.StartWith(Hex(t => StateKeys.WriteListPrefix(t, User))));
            Assert.That(Hex(t => StateKeys.WriteBlock(t, User, User)), Does.StartWith(Hex(t => StateKeys.WriteBlocksPrefix(t, User))));
            Assert.That(Hex(t => StateKeys.WriteEffect(t, 3, 1)), Does.StartWith(Hex(t => StateKeys.WriteEffectsPrefix(t, 3))));
        }
    }

    [Test]
    public void WhatWasWrittenReadsBack()
    {
        byte[] key = new byte[StateKeys.SizeMax];
        StateKeys.WriteMember(key, Room, User);
        Assert.That(StateKeys.SecondId(key), Is.EqualTo(User.Value));
        StateKeys.WriteDevice(key, User, new DeviceId(ulong.MaxValue - 1));
        Assert.That(StateKeys.Device(key), Is.EqualTo(new DeviceId(ulong.MaxValue - 1)));
        StateKeys.WriteEffect(key, 1, 12345678901);
        Assert.That(StateKeys.EffectCounter(key), Is.EqualTo(12345678901));
        Assert.That(() => StateKeys.WriteToken(key, new byte[31]), Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void DedupeKeyAndValueHaveTheirBytes()
    {
        byte[] key = new byte[DedupeKey.Size];
        DedupeKey.Write(key, Room, User, new DeviceId(0x1122), new ClientMessageId(3));
        Assert.That(
            Convert.ToHexStringLower(key), Is.EqualTo(RoomHex + UserHex + "0000000000001122" + "00000000000000000000000000000003"));

        byte[] value = new byte[DedupeValue.Size];
        DedupeValue.Of(0x0102, System.Security.Cryptography.SHA256.HashData("abc"u8)).Write(value);
        Assert.That(Convert.ToHexStringLower(value), Is.EqualTo("0201000000000000" + "ba7816bf8f01cfea"));
        Assert.That(DedupeValue.Read(value).Sequence, Is.EqualTo(0x0102));
    }

    [Test]
    public void ChunkHasItsBytes()
    {
        CommitBatch batch = new(epoch: 0x0506);
        batch.AppendChunk(Room, 0x0102, 0x0304, new ChainHash(1, 2, 3, 4), "RR"u8);
        CommitBatchReader reader = new(batch.Representation.Span);
        Assert.That(reader.Next(), Is.True);
        Assert.That(Convert.ToHexStringLower(reader.Key), Is.EqualTo(RoomHex + "0000000000000102"));
        Assert.That(
            Convert.ToHexStringLower(reader.Value[..44]),
            Is.EqualTo("01000000" + "04030000" + "06050000" + "0000000000000001000000000000000200000000000000030000000000000004"));
        byte[] covered = [.. reader.Value[..44], .. reader.Key];
        Assert.That(BitConverter.ToUInt32(reader.Value[44..48]), Is.EqualTo(Crc32C.Compute(covered)));
        Assert.That(reader.Value[48..].SequenceEqual("RR"u8), Is.True);
    }

    private delegate int KeyWriter(Span<byte> target);

    private static string Hex(KeyWriter write)
    {
        byte[] key = new byte[StateKeys.SizeMax];
        return Convert.ToHexStringLower(key.AsSpan(0, write(key)));
    }
}
