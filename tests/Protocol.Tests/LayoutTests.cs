using System.Reflection;

namespace FastChat.Protocol.Tests;

/// <summary>Sizes that are on the wire and on disk, and how the limits lean on one another.</summary>
public sealed class LayoutTests
{
    private delegate bool Reader(ReadOnlySpan<byte> source);

    [Test]
    public void Sizes_are_those_of_the_specification()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(FrameHeader.Size, Is.EqualTo(8));
            Assert.That(Id128.Size, Is.EqualTo(16));
            Assert.That(Publish.FixedSize, Is.EqualTo(36));
            Assert.That(Published.Size, Is.EqualTo(24));
            Assert.That(Subscribe.Size, Is.EqualTo(32));
            Assert.That(Subscribed.Size, Is.EqualTo(24));
            Assert.That(Unsubscribe.Size, Is.EqualTo(16));
            Assert.That(Deliver.FixedSize, Is.EqualTo(24));
            Assert.That(Fetch.Size, Is.EqualTo(40));
            Assert.That(FetchEnd.Size, Is.EqualTo(40));
            Assert.That(Lag.Size, Is.EqualTo(40));
            Assert.That(Credit.Size, Is.EqualTo(4));
            Assert.That(Failure.FixedSize, Is.EqualTo(8));
            Assert.That(Signal.Size, Is.EqualTo(20));
            Assert.That(RelayedSignal.Size, Is.EqualTo(40));
            Assert.That(Presence.FixedSize, Is.EqualTo(28));
            Assert.That(PresenceEntry.FixedSize, Is.EqualTo(28));
            Assert.That(MessageRecord.FixedSize, Is.EqualTo(68));
            Assert.That(MembershipBody.SizeMin, Is.EqualTo(24));
        }
    }

    [Test]
    public void The_largest_message_fits_wherever_it_goes()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ProtocolLimits.ClientFrameSizeMax, Is.GreaterThanOrEqualTo(Publish.FixedSize + Id128.Size + ProtocolLimits.BodySizeMax));
            Assert.That(ProtocolLimits.ServerFrameSizeMax, Is.GreaterThanOrEqualTo(
                Deliver.FixedSize + Math.Max(ProtocolLimits.ChunkSizeMax, MessageRecord.SizeOf(onBehalf: true, ProtocolLimits.BodySizeMax))));
            Assert.That(ProtocolLimits.HelloSizeMax, Is.GreaterThanOrEqualTo(
                ProtocolLimits.TokenSizeMax + (2 * ProtocolLimits.NameSizeMax) + ProtocolLimits.PasswordSizeMax + 200));
            Assert.That(ProtocolLimits.ServerFrameSizeMax, Is.LessThan(1 << 24), "the length has three bytes");
            Assert.That(ProtocolLimits.ControlArrayMax * (Id128.Size + 2), Is.LessThan(ProtocolLimits.ClientFrameSizeMax), "the longest array of ids fits into a frame");
        }
    }

    [TestCaseSource(nameof(Fixed))]
    public void A_fixed_body_one_byte_short_is_refused(string name, int size)
    {
        Reader read = ReaderOf(name);
        for (int shorter = 0; shorter < size; shorter++)
        {
            Assert.That(read(Filled(shorter)), Is.False, $"{shorter} bytes");
        }

        Assert.That(read(Filled(size)), Is.True);
    }

    [Test]
    public void A_publish_on_behalf_of_nobody_is_refused()
    {
        byte[] body = new byte[Publish.FixedSize + Id128.Size];
        body[33] = (byte)PublishFlags.OnBehalf;
        Assert.That(Publish.TryRead(body, out _), Is.False);
        body[^1] = 1;
        Assert.That(Publish.TryRead(body, out _), Is.True);
    }

    [Test]
    public void Numbers_of_enums_are_unique()
    {
        foreach (Type type in typeof(FrameType).Assembly.GetExportedTypes().Where(type => type.IsEnum))
        {
            object[] values = type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => field.GetRawConstantValue()!).ToArray();
            Assert.That(values, Is.Unique, type.Name);
        }
    }

    private static IEnumerable<TestCaseData> Fixed()
    {
        yield return new TestCaseData(nameof(Publish), Publish.FixedSize);
        yield return new TestCaseData(nameof(Published), Published.Size);
        yield return new TestCaseData(nameof(Subscribe), Subscribe.Size);
        yield return new TestCaseData(nameof(Subscribed), Subscribed.Size);
        yield return new TestCaseData(nameof(Unsubscribe), Unsubscribe.Size);
        yield return new TestCaseData(nameof(Deliver), Deliver.FixedSize);
        yield return new TestCaseData(nameof(Fetch), Fetch.Size);
        yield return new TestCaseData(nameof(FetchEnd), FetchEnd.Size);
        yield return new TestCaseData(nameof(Lag), Lag.Size);
        yield return new TestCaseData(nameof(RelayedSignal), RelayedSignal.Size);
        yield return new TestCaseData(nameof(Presence), Presence.FixedSize);
        yield return new TestCaseData(nameof(Credit), Credit.Size);
    }

    private static Reader ReaderOf(string name) => name switch
    {
        nameof(Publish) => source => Publish.TryRead(source, out _),
        nameof(Published) => source => Published.TryRead(source, out _),
        nameof(Subscribe) => source => Subscribe.TryRead(source, out _),
        nameof(Subscribed) => source => Subscribed.TryRead(source, out _),
        nameof(Unsubscribe) => source => Unsubscribe.TryRead(source, out _),
        nameof(Deliver) => source => Deliver.TryRead(source, out _),
        nameof(Fetch) => source => Fetch.TryRead(source, out _),
        nameof(FetchEnd) => source => FetchEnd.TryRead(source, out _),
        nameof(Lag) => source => Lag.TryRead(source, out _),
        nameof(RelayedSignal) => source => RelayedSignal.TryRead(source, out _),
        nameof(Presence) => source => Presence.TryRead(source, out _),
        _ => source => Credit.TryRead(source, out _),
    };

    /// <summary>Zeros but for the first byte: every zero field is zero, and a Credit adds something.</summary>
    private static byte[] Filled(int size)
    {
        byte[] bytes = new byte[size];
        bytes.AsSpan(0, Math.Min(size, 1)).Fill(1);
        return bytes;
    }
}
