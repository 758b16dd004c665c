using System.Buffers;
using System.Text;

namespace FastChat.Protocol.Tests;

/// <summary>Error and close codes, their advice and their body.</summary>
public sealed class CodesTests
{
    [TestCase((ushort)4000, ReconnectAdvice.Now)]
    [TestCase((ushort)4099, ReconnectAdvice.Now)]
    [TestCase((ushort)4100, ReconnectAdvice.Later)]
    [TestCase((ushort)4199, ReconnectAdvice.Later)]
    [TestCase((ushort)4200, ReconnectAdvice.Never)]
    [TestCase((ushort)4299, ReconnectAdvice.Never)]
    [TestCase((ushort)4300, ReconnectAdvice.Never)]
    [TestCase((ushort)4399, ReconnectAdvice.Never)]
    [TestCase((ushort)1001, ReconnectAdvice.Later, Description = "a WebSocket's own status")]
    [TestCase(ushort.MaxValue, ReconnectAdvice.Never)]
    public void The_hundred_of_a_close_code_says_what_to_do(ushort code, ReconnectAdvice advice) =>
        Assert.That(CloseCodes.AdviceOf((CloseCode)code), Is.EqualTo(advice));

    [Test]
    public void Wrong_bytes_are_never_answered_with_come_back() =>
        Assert.That(Enum.GetValues<CloseCode>().Where(code => (ushort)code >= 4200).Select(CloseCodes.AdviceOf), Is.All.EqualTo(ReconnectAdvice.Never));

    [Test]
    public void A_long_reason_is_cut_between_characters()
    {
        foreach (string reason in new[] { new string('x', 600), string.Concat(Enumerable.Repeat("名", 200)), "a" + string.Concat(Enumerable.Repeat("🙂", 200)) })
        {
            ArrayBufferWriter<byte> target = new();
            FrameWriter.WriteError(target, 5, ErrorCode.BadRequest, reason);
            ReadOnlySequence<byte> buffer = new(target.WrittenMemory);
            Assert.That(FrameReader.TryRead(ref buffer, ProtocolLimits.ServerFrameSizeMax, out Frame frame, out _), Is.EqualTo(FrameReadStatus.Done));
            Assert.That(buffer.IsEmpty, Is.True);
            Assert.That(Failure.TryRead(frame.Body.FirstSpan, out Failure failure), Is.True);
            Assert.That(failure.Code, Is.EqualTo((ushort)ErrorCode.BadRequest));
            Assert.That(reason, Does.StartWith(failure.Reason));
            Assert.That(Encoding.UTF8.GetByteCount(failure.Reason), Is.InRange(ProtocolLimits.ReasonSizeMax - 3, ProtocolLimits.ReasonSizeMax));
        }
    }

    [Test]
    public void A_failure_shorter_than_its_fixed_part_is_refused()
    {
        for (int size = 0; size < Failure.FixedSize; size++)
        {
            Assert.That(Failure.TryRead(new byte[size], out _), Is.False);
        }
    }

    [Test]
    public void A_reason_with_ill_formed_text_is_written_all_the_same()
    {
        byte[] body = new byte[Failure.FixedSize + ProtocolLimits.ReasonSizeMax];
        int size = new Failure(1, 2, "half \ud83d").Write(body);
        Assert.That(Failure.TryRead(body.AsSpan(0, size), out Failure failure), Is.True);
        Assert.That(failure.Reason, Is.EqualTo("half \ufffd"));
    }
}
