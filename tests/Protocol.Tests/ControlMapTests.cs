using System.Buffers;
using System.Text;

using FastChat.TestSupport;

namespace FastChat.Protocol.Tests;

/// <summary>
/// Control bodies from strangers: whatever the bytes are, the answer is a map or a reason, never an exception, and memory follows the bytes that
/// came rather than what a header declares.
/// </summary>
public sealed class ControlMapTests
{
    // The worst bytes per byte are empty maps and short keys: a map takes about 112 bytes of heap, a key of one letter about 100.
    private const int AllocationPerByte = 130;
    private const int AllocationFixed = 4096;

    private static IEnumerable<Vector> Maps() => VectorFile.ReadFrames().Where(vector => vector.Fields.ContainsKey("map"));

    [TestCaseSource(nameof(Maps))]
    public void A_body_cut_at_any_byte_is_refused(Vector vector)
    {
        byte[] body = vector.Bytes[8..];
        for (int size = 0; size < body.Length; size++)
        {
            AssertRefused(body.AsMemory(0, size), $"cut at {size}");
        }

        AssertRefused((byte[])[.. body, 0xC0], "one byte more");
    }

    [TestCaseSource(nameof(Maps))]
    public void A_body_in_any_pieces_is_the_same_map(Vector vector)
    {
        byte[] body = vector.Bytes[8..];
        string whole = TextOf(new ReadOnlySequence<byte>(body));
        Assert.That(TextOf(Segments.Every(body, 1)), Is.EqualTo(whole));
        for (int at = 0; at <= body.Length; at++)
        {
            Assert.That(TextOf(Segments.SplitAt(body, at)), Is.EqualTo(whole));
        }
    }

    [Test]
    public void Random_bytes_never_throw_and_never_take_more_memory_than_they_are_worth()
    {
        Random random = new(20_250_101);
        for (int i = 0; i < 50_000; i++)
        {
            byte[] body = new byte[random.Next(1, 300)];
            random.NextBytes(body);

            // Half of them begin like a map, or the first byte would end nearly all of them.
            body[0] = i % 2 == 0 ? body[0] : (byte)(0x80 | (body[0] & 0x0F));
            ParseWithinBudget(body);
        }
    }

    [Test]
    public void Changed_vectors_never_throw()
    {
        Random random = new(20_250_102);
        byte[][] bodies = Maps().Select(vector => vector.Bytes[8..]).ToArray();
        for (int i = 0; i < 50_000; i++)
        {
            byte[] body = [.. bodies[i % bodies.Length]];
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                body[random.Next(body.Length)] = (byte)random.Next(256);
            }

            ParseWithinBudget(body);
        }
    }

    [Test]
    public void Bodies_made_to_cost_memory_stay_within_the_budget()
    {
        foreach (byte[] filler in new byte[][] { [0x80], [0x90], [0xC0], [0xC2], [0x01], [0xCB, 0, 0, 0, 0, 0, 0, 0, 0], [0xA1, 0x61], [0xC4, 0], [0xA0], [0x81, 0xA1, 0x61, 0xC0] })
        {
            ParseWithinBudget(WidestArray(filler));
        }

        // Each of the map's 64 keys is a map of 64 keys; sizes as large as a client may send.
        ParseWithinBudget([0x81, 0xA1, 0x61, .. WideMaps(depth: 2)]);
    }

    [TestCase("df ff ff ff ff", TestName = "4 Gi map entries declared")]
    [TestCase("de ff ff", TestName = "65535 map entries declared")]
    [TestCase("81 a1 61 dd ff ff ff ff", TestName = "4 Gi array elements declared")]
    [TestCase("81 a1 61 dc ff ff", TestName = "65535 array elements declared")]
    [TestCase("81 a1 61 db ff ff ff ff", TestName = "a text of 4 GiB declared")]
    [TestCase("81 a1 61 db 7f ff ff ff", TestName = "a text of 2 GiB declared")]
    [TestCase("81 a1 61 c6 ff ff ff ff", TestName = "4 GiB of bytes declared")]
    [TestCase("81 a1 61 c6 7f ff ff ff", TestName = "2 GiB of bytes declared")]
    [TestCase("81 a1 61 c9 ff ff ff ff 01", TestName = "an extension of 4 GiB declared")]
    [TestCase("81 db ff ff ff ff", TestName = "a key of 4 GiB declared")]
    public void What_a_header_declares_costs_nothing(string hex)
    {
        byte[] body = Convert.FromHexString(hex.Replace(" ", string.Empty, StringComparison.Ordinal));
        AssertRefused(body, hex);
        ParseWithinBudget(body);
        ParseWithinBudget([.. body, .. new byte[64]]);
    }

    [Test]
    public void Nesting_ends_at_the_limit_wherever_it_is([Values(0x91, 0x81)] int code)
    {
        byte[] level = code == 0x81 ? [0x81, 0xA1, 0x61] : [0x91];
        byte[] Nested(int levels) => [0x81, 0xA1, 0x78, .. Enumerable.Repeat(level, levels).SelectMany(bytes => bytes), 0xC0];

        // The outermost map is level 1.
        Assert.That(Parse(Nested(ProtocolLimits.ControlDepthMax - 1), out _), Is.True);
        Assert.That(Parse(Nested(ProtocolLimits.ControlDepthMax), out string reason), Is.False);
        Assert.That(reason, Does.Contain("deep"));
        Assert.That(Parse(Nested(20_000), out _), Is.False);
    }

    [Test]
    public void Counts_end_at_the_limits()
    {
        Assert.That(Parse(MapOf(ProtocolLimits.ControlMapMax), out _), Is.True);
        Assert.That(Parse(MapOf(ProtocolLimits.ControlMapMax + 1), out _), Is.False);
        Assert.That(Parse(ArrayOf(ProtocolLimits.ControlArrayMax), out _), Is.True);
        Assert.That(Parse(ArrayOf(ProtocolLimits.ControlArrayMax + 1), out _), Is.False);
    }

    [Test]
    public void Every_width_of_a_number_is_the_same_number()
    {
        foreach (string hex in new[] { "05", "cc 05", "cd 00 05", "ce 00 00 00 05", "cf 00 00 00 00 00 00 00 05", "d0 05", "d1 00 05", "d2 00 00 00 05", "d3 00 00 00 00 00 00 00 05" })
        {
            Assert.That(Single(hex).Number("a", 0), Is.EqualTo(5), hex);
        }

        Assert.That(Single("cf ff ff ff ff ff ff ff ff").Number("a", 0), Is.EqualTo(ulong.MaxValue));
        Assert.That(() => Single("ff").Number("a", 0), Throws.TypeOf<ControlFormatException>());
        Assert.That(() => Single("d3 80 00 00 00 00 00 00 00").Number("a", 0), Throws.TypeOf<ControlFormatException>());
        Assert.That(() => Single("cb 40 14 00 00 00 00 00 00").Number("a", 0), Throws.TypeOf<ControlFormatException>(), "a float is not a number of the protocol");
        Assert.That(() => Single("07").Number("a", 0, max: 6), Throws.TypeOf<ControlFormatException>());
    }

    [Test]
    public void Nil_is_absent()
    {
        ControlMap map = Single("c0");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(map.Number("a", 7), Is.EqualTo(7));
            Assert.That(map.Text("a", 10), Is.Null);
            Assert.That(map.Flag("a"), Is.False);
            Assert.That(map.Id("a"), Is.EqualTo(default(UInt128)));
            Assert.That(map.Ids("a"), Is.Null);
            Assert.That(map.Texts("a", 10), Is.Null);
            Assert.That(map.Maps("a"), Is.Null);
        }
    }

    [Test]
    public void A_field_of_another_type_is_refused_with_its_name()
    {
        (string Hex, Action<ControlMap> Read)[] cases =
        [
            ("05", map => map.Text("a", 10)), ("c4 01 61", map => map.Text("a", 10)), ("a1 61", map => map.Flag("a")), ("01", map => map.Flag("a")),
            ("a1 61", map => map.Number("a", 0)), ("c3", map => map.Number("a", 0)), ("c4 0f" + string.Concat(Enumerable.Repeat("00", 15)), map => map.Id("a")),
            ("c4 11" + string.Concat(Enumerable.Repeat("00", 17)), map => map.Id("a")), ("05", map => map.Id("a")), ("05", map => map.Ids("a")),
            ("91 c0", map => map.Ids("a")), ("91 05", map => map.Texts("a", 9)), ("91 c0", map => map.Texts("a", 9)), ("91 05", map => map.Maps("a")), ("80", map => map.Maps("a")),
        ];
        foreach ((string hex, Action<ControlMap> read) in cases)
        {
            ControlMap map = Single(hex);
            Assert.That(() => read(map), Throws.TypeOf<ControlFormatException>().With.Message.StartsWith("a: "), hex);
        }
    }

    [Test]
    public void Texts_are_measured_in_bytes()
    {
        ControlMap map = new ControlMap().Set("a", "ééé");
        Assert.That(map.Text("a", 6), Is.EqualTo("ééé"));
        Assert.That(() => map.Text("a", 5), Throws.TypeOf<ControlFormatException>());
    }

    private static byte[] MapOf(int count)
    {
        ControlMap map = new();
        for (int i = 0; i < count; i++)
        {
            map.Set($"k{i}", i);
        }

        return Write(map);
    }

    private static byte[] ArrayOf(int count) => Write(new ControlMap().Set("a", Enumerable.Repeat(true, count).ToArray()));

    private static byte[] Write(ControlMap map)
    {
        ArrayBufferWriter<byte> bytes = new();
        map.Write(bytes);
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>Arrays of 500 of these values, as many as a client's frame holds, in a map of two levels.</summary>
    private static byte[] WidestArray(byte[] filler)
    {
        byte[] array = [0xDC, 0x01, 0xF4, .. Enumerable.Repeat(filler, ProtocolLimits.ControlArrayMax).SelectMany(bytes => bytes)];
        int count = Math.Min(ProtocolLimits.ControlArrayMax, (ProtocolLimits.ClientFrameSizeMax - 16) / array.Length);
        return [0x81, 0xA1, 0x61, 0xDC, (byte)(count >> 8), (byte)count, .. Enumerable.Repeat(array, count).SelectMany(bytes => bytes)];
    }

    private static IEnumerable<byte> WideMaps(int depth)
    {
        yield return 0xDE;
        yield return 0;
        yield return ProtocolLimits.ControlMapMax;
        for (byte key = 0; key < ProtocolLimits.ControlMapMax; key++)
        {
            yield return 0xA1;
            yield return (byte)(key + 33);
            foreach (byte value in depth > 1 ? WideMaps(depth - 1) : [0xC0])
            {
                yield return value;
            }
        }
    }

    private static ControlMap Single(string hex)
    {
        byte[] body = [0x81, 0xA1, 0x61, .. Convert.FromHexString(hex.Replace(" ", string.Empty, StringComparison.Ordinal))];
        Assert.That(ControlMap.TryParse(new ReadOnlySequence<byte>(body), out ControlMap? map, out string reason), Is.True, $"{hex}: {reason}");
        return map!;
    }

    private static bool Parse(byte[] body, out string reason) => ControlMap.TryParse(new ReadOnlySequence<byte>(body), out _, out reason);

    private static void ParseWithinBudget(byte[] body)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Parse(body, out _);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > AllocationFixed + ((long)AllocationPerByte * body.Length))
        {
            Assert.Fail($"{allocated} bytes were allocated for {body.Length}: {Convert.ToHexStringLower(body.AsSpan(0, Math.Min(body.Length, 64)))}…");
        }
    }

    private static void AssertRefused(ReadOnlyMemory<byte> body, string what)
    {
        foreach (ReadOnlySequence<byte> sequence in new[] { new ReadOnlySequence<byte>(body), Segments.Every(body, 1) })
        {
            Assert.That(ControlMap.TryParse(sequence, out ControlMap? map, out string reason), Is.False, what);
            Assert.That(map, Is.Null);
            Assert.That(reason, Is.Not.Empty);
            Assert.That(Encoding.UTF8.GetByteCount(reason), Is.LessThanOrEqualTo(ProtocolLimits.ReasonSizeMax));
        }
    }

    private static string TextOf(ReadOnlySequence<byte> body)
    {
        Assert.That(ControlMap.TryParse(body, out ControlMap? map, out string reason), Is.True, reason);
        return VectorValues.FromMap(map!).ToJsonString();
    }
}
