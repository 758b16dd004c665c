using System.Text;

using FastChat.History;

namespace FastChat.Fuzz.Targets;

/// <summary>
/// The reader of histories (docs/history-format.md): files that somebody else may have written. It gives events or a <see cref="HistoryFormatException"/> and nothing else, and the same ones however the file's bytes
/// come out of the stream.
/// </summary>
internal sealed class HistoryTarget : IFuzzTarget
{
    private const string Room = "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf";
    private const string User = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
    private const string Begin = "{\"t_ns\":1,\"op\":\"begin\",\"format\":1}\n";

    /// <summary>A reader's buffer and what surrounds it; two readers a run.</summary>
    private const int ReaderBytes = 2 * 1100 * 1024;

    public string Name => "history";

    public IReadOnlyList<byte[]> Words { get; } =
    [
        .. new[]
        {
            "\n", "{", "}", "\"", "\\u0000", "\\ud800", "\\\"", "null", "true", "false", "-1", "18446744073709551615", "18446744073709551616", "1e400", "[[[[", "{\"a\":", ",", ":", Room, User, "\"op\":\"deliver\"",
            "\"phase\":\"ok\"", "\"process\":\"a\"", "\"hash\":\"0011223344556677\"", "\"node\":\"n\"", "\"status\":\"resumed\"", "\"fault\":\"kill\"",
        }.Select(Encoding.UTF8.GetBytes),
        [0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80],
    ];

    public IEnumerable<byte[]> Seeds()
    {
        string[] lines =
        [
            $"{{\"t_ns\":2,\"op\":\"conversation\",\"conversation\":\"{Room}\",\"conversation_kind\":\"public\",\"closed\":true}}",
            "{\"t_ns\":3,\"process\":\"a\",\"op\":\"connect\",\"phase\":\"invoke\"}",
            $"{{\"t_ns\":4,\"process\":\"a\",\"op\":\"connect\",\"phase\":\"ok\",\"connection\":1,\"user\":\"{User}\",\"device\":\"0000000000000007\",\"node\":\"n1\",\"resumed\":true}}",
            $"{{\"t_ns\":5,\"process\":\"a\",\"op\":\"publish\",\"phase\":\"invoke\",\"conversation\":\"{Room}\",\"client_message_id\":\"{User}\",\"kind\":1,\"hash\":\"0011223344556677\"}}",
            $"{{\"t_ns\":6,\"process\":\"a\",\"op\":\"publish\",\"phase\":\"ok\",\"conversation\":\"{Room}\",\"epoch\":1,\"sequence\":41,\"client_message_id\":\"{User}\"}}",
            $"{{\"t_ns\":7,\"process\":\"b\",\"op\":\"deliver\",\"connection\":1,\"conversation\":\"{Room}\",\"epoch\":1,\"sequence\":41,\"user\":\"{User}\",\"device\":\"0000000000000007\",\"client_message_id\":\"{User}\",\"kind\":1,\"hash\":\"0011223344556677\"}}",
            "{\"t_ns\":8,\"op\":\"nemesis\",\"fault\":\"kill\",\"unknown\":{\"a\":[1,2,{}]}}",
            "{\"t_ns\":9,\"process\":\"a\",\"op\":\"end\"}",
        ];
        yield return Encoding.UTF8.GetBytes(Begin + string.Join('\n', lines) + "\n");
        yield return Encoding.UTF8.GetBytes(Begin + "{\"t_ns\":9,\"proc");
        foreach (string line in lines)
        {
            yield return Encoding.UTF8.GetBytes(Begin + line + "\n");
        }
    }

    public int SizeMax => 2048;

    public long AllocationCap(int inputSize) => ReaderBytes + (64 * inputSize);

    public ulong Run(ReadOnlySpan<byte> input)
    {
        byte[] bytes = input.ToArray();
        Outcome outcome = default;
        string whole = Read(new MemoryStream(bytes), ref outcome);
        Outcome again = default;
        string pieces = Read(new TricklingStream(bytes, step: 1 + (bytes.Length / 7)), ref again);
        Property.Holds(whole == pieces && outcome.Value == again.Value, "a file that is read in pieces is another one");
        return outcome.Value;
    }

    public void Dispose()
    {
    }

    private static string Read(Stream stream, ref Outcome outcome)
    {
        using HistoryReader reader = new(stream, "fuzz");
        string end = string.Empty;
        try
        {
            while (reader.TryRead(out HistoryEvent e))
            {
                outcome.Add((ulong)e.Op);
                outcome.Add((ulong)e.Phase);
            }
        }
        catch (HistoryFormatException wrong)
        {
            end = wrong.Message;
            outcome.Add(end);
        }

        outcome.Add(reader.IsTorn);
        return end;
    }

    private sealed class TricklingStream(byte[] bytes, int step) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, step));
    }
}
