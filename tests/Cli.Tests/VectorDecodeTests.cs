using FastChat.TestSupport;

namespace FastChat.Cli.Tests;

/// <summary>decode against the vectors of the protocol: it finds nothing wrong with what is right, and something with what is wrong.</summary>
[TestFixture]
public sealed class VectorDecodeTests
{
    private static IEnumerable<Vector> Good => VectorFile.ReadFrames();

    // What is wrong with the others depends on the connection's state, which bytes alone do not show.
    private static IEnumerable<Vector> Bad => VectorFile.Read("invalid").Where(vector => vector.Text("layer") is "reader" or "body" && vector.Bytes.Length > 0);

    [TestCaseSource(nameof(Good))]
    public void AGoodFrameHasNoProblems(Vector vector)
    {
        List<DecodedFrame> frames = FrameDecoder.DecodeAll(vector.Bytes);

        Assert.That(frames, Has.Count.EqualTo(1));
        Assert.That(frames[0].Name, Is.EqualTo(vector.Text("frame")));
        Assert.That(frames[0].Problems, Is.Empty);
    }

    [TestCaseSource(nameof(Bad))]
    public void ABadFrameHasProblems(Vector vector) => Assert.That(FrameDecoder.DecodeAll(vector.Bytes).SelectMany(frame => frame.Problems), Is.Not.Empty);

    [Test]
    public void EveryFrameOfATraceIsGood()
    {
        foreach (Vector trace in VectorFile.Read("resume").Concat(VectorFile.Read("scram")))
        {
            foreach (VectorFrame step in trace.Frames)
            {
                DecodedFrame frame = FrameDecoder.DecodeAll(step.Bytes).Single();
                Assert.That((frame.Name, string.Join("; ", frame.Problems)), Is.EqualTo((step.Type, "")), trace.Name);
            }
        }
    }
}
