using System.Text;

namespace FastChat.History.Tests;

/// <summary>What is written is read again; what is not a history is refused with its line; what a kill tore off is passed over.</summary>
public sealed class FormatTests
{
    [Test]
    public void Every_event_is_read_as_it_was_written()
    {
        foreach (List<HistoryEvent> file in GoodHistory.Make(seed: 5).Events.Concat(ChatHistory.Make(seed: 5).Events))
        {
            using HistoryReader reader = new(new MemoryStream(WrittenHistory.Write(file)), "file");
            Assert.That(reader.TryRead(out HistoryEvent begin), Is.True);
            Assert.That((begin.Op, begin.Format), Is.EqualTo((HistoryOp.Begin, HistoryWriter.CurrentFormat)));
            foreach (HistoryEvent written in file)
            {
                Assert.That(reader.TryRead(out HistoryEvent read), Is.True);
                Assert.That(read with { ProcessIndex = 0 }, Is.EqualTo(written with { ProcessIndex = 0 }));
            }

            Assert.That(reader.TryRead(out _), Is.False);
            Assert.That(reader.IsTorn, Is.False);
        }
    }

    [Test]
    public void A_line_is_what_the_document_says()
    {
        HistoryEvent e = new()
        {
            TimeNs = 42,
            Process = "replay-1",
            Op = HistoryOp.Publish,
            Phase = HistoryPhase.Ok,
            Conversation = new ConversationId(0xabc),
            ClientMessageId = new ClientMessageId(0xdef),
            Epoch = 1,
            Sequence = 7,
            Duplicate = true,
        };
        Assert.That(Encoding.UTF8.GetString(WrittenHistory.Write([e])).Split('\n'), Is.EqualTo(new[]
        {
            "{\"t_ns\":1,\"op\":\"begin\",\"format\":1}",
            "{\"t_ns\":42,\"process\":\"replay-1\",\"op\":\"publish\",\"phase\":\"ok\",\"conversation\":\"00000000000000000000000000000abc\"," +
            "\"epoch\":1,\"sequence\":7,\"client_message_id\":\"00000000000000000000000000000def\",\"duplicate\":true}",
            string.Empty,
        }));
    }

    [Test]
    public void Cut_off_anywhere_it_is_a_shorter_history_and_never_a_wrong_one()
    {
        byte[] whole = WrittenHistory.Write(GoodHistory.Make(seed: 7, steps: 100).Events[0]);
        int first = Array.IndexOf(whole, (byte)'\n') + 1;
        for (int length = first; length <= whole.Length; length++)
        {
            using HistoryReader reader = new(new MemoryStream(whole, 0, length), "cut");
            int lines = 0;
            while (reader.TryRead(out _))
            {
                lines++;
            }

            Assert.That(lines, Is.EqualTo(whole.AsSpan(0, length).Count((byte)'\n')));
            Assert.That(reader.IsTorn, Is.EqualTo(whole[length - 1] != (byte)'\n'));
        }
    }

    [TestCase("", "no whole line")]
    [TestCase("{\"t_ns\":1,\"op\":\"end\",\"process\":\"a\"}\n", "begins with op")]
    [TestCase("{\"t_ns\":1,\"op\":\"begin\",\"format\":99}\n", "format 99")]
    [TestCase("{\"t_ns\":1,\"op\":\"begin\"}\n", "format is missing")]
    [TestCase("BEGIN{\"t_ns\":2,\"op\":\"begin\",\"format\":1}\n", "only in the first line")]
    [TestCase("BEGINnonsense\n", "JSON object")]
    [TestCase("BEGIN\n", "JSON object")]
    [TestCase("BEGIN{\"t_ns\":2}\n", "op is missing")]
    [TestCase("BEGIN{\"t_ns\":2,\"op\":\"dance\"}\n", "the value of op")]
    [TestCase("BEGIN{\"t_ns\":2,\"process\":\"a\",\"op\":\"end\"} {}\n", "not one JSON object")]
    [TestCase("BEGIN{\"t_ns\":2,\"op\":\"end\"}\n", "process is missing")]
    [TestCase("BEGIN{\"t_ns\":-2,\"process\":\"a\",\"op\":\"end\"}\n", "the value of t_ns")]
    [TestCase("BEGIN{\"t_ns\":0,\"process\":\"a\",\"op\":\"end\"}\n", "goes back")]
    [TestCase("BEGIN{\"t_ns\":2,\"process\":\"a\",\"op\":\"end\",\"phase\":\"ok\"}\n", "no phase")]
    [TestCase("BEGIN{\"t_ns\":2,\"process\":\"a\",\"op\":\"publish\"}\n", "phase is missing")]
    [TestCase("BEGIN{\"t_ns\":2,\"process\":\"a\",\"op\":\"publish\",\"phase\":\"ok\",\"conversation\":\"12\"}\n", "the value of conversation")]
    [TestCase("BEGIN{\"t_ns\":2,\"process\":\"a\",\"op\":\"publish\",\"phase\":\"ok\",\"sequence\":1.5}\n", "the value of sequence")]
    [TestCase("BEGIN{\"t_ns\":2,\"process\":\"a\",\"op\":\"fetch\",\"phase\":\"invoke\",\"conversation\":\"0000000000000000000000000000000a\"}\n", "request is missing")]
    public void What_is_no_history_is_refused_with_its_line(string text, string reason)
    {
        string whole = text.Replace("BEGIN", "{\"t_ns\":1,\"op\":\"begin\",\"format\":1}\n", StringComparison.Ordinal);
        using HistoryReader reader = new(new MemoryStream(Encoding.UTF8.GetBytes(whole)), "bad");
        HistoryFormatException failure = Assert.Throws<HistoryFormatException>(() =>
        {
            while (reader.TryRead(out _))
            {
            }
        })!;
        Assert.That(failure.Message, Does.StartWith($"bad:{Math.Max(1, whole.Count(letter => letter == '\n'))}: ").And.Contain(reason));
    }

    /// <summary>JSON's grammar is kept by both, and the text is none all the same: the reader of JSON says so only when it is asked for the text.</summary>
    [Test]
    public void A_text_that_is_ill_formed_is_no_event([Values("process", "node")] string key, [Values("\u00ff", "\\ud800", "a\u00ed\u00a0\u0080")] string text)
    {
        string whole = $"{{\"t_ns\":1,\"op\":\"begin\",\"format\":1}}\n{{\"t_ns\":2,\"process\":\"a\",\"{key}\":\"{text}\",\"op\":\"end\"}}\n";
        using HistoryReader reader = new(new MemoryStream(Encoding.Latin1.GetBytes(whole)), "bad");
        Assert.That(reader.TryRead(out _), Is.True);
        Assert.That(() => reader.TryRead(out _), Throws.TypeOf<HistoryFormatException>().With.Message.Contains($"bad:2: the value of {key}"));
    }

    [Test]
    public void Keys_of_a_newer_writer_are_passed_over()
    {
        const string Text = "{\"t_ns\":1,\"op\":\"begin\",\"format\":1,\"made_by\":{\"x\":[1,2]}}\n{\"t_ns\":2,\"process\":\"a\",\"op\":\"end\",\"epoch\":null,\"mood\":\"good\"}\n";
        using HistoryReader reader = new(new MemoryStream(Encoding.UTF8.GetBytes(Text)), "new");
        Assert.That(reader.TryRead(out _) && reader.TryRead(out HistoryEvent e) && e.Op == HistoryOp.End, Is.True);
    }

    [Test]
    public async Task Lines_of_many_threads_are_whole_and_in_the_order_of_their_times()
    {
        const int Threads = 8;
        const int Each = 2000;
        using TemporaryDirectory directory = new("history");
        string path = directory.PathOf("threads.history");
        using (HistoryWriter writer = HistoryWriter.Create(path, TimeProvider.System))
        {
            await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
            {
                for (int i = 1; i <= Each; i++)
                {
                    writer.Write(new HistoryEvent { Op = HistoryOp.Lag, Process = $"p{thread}", Conversation = new ConversationId(1), Connection = 1, Epoch = 1, Next = (ulong)i });
                }
            })));
        }

        Dictionary<string, ulong> last = [];
        using HistoryReader reader = HistoryReader.Open(path);
        Assert.That(reader.TryRead(out _), Is.True);
        while (reader.TryRead(out HistoryEvent e))
        {
            Assert.That(e.Next, Is.EqualTo(last.GetValueOrDefault(e.Process!) + 1));
            last[e.Process!] = e.Next;
        }

        Assert.That(last.Values, Is.EqualTo(Enumerable.Repeat((ulong)Each, Threads)));
    }

    [Test]
    public void An_invoke_is_in_the_file_before_the_call_returns_and_takes_along_what_came_before()
    {
        MemoryStream file = new();
        using HistoryWriter writer = new(file, TimeProvider.System);
        writer.Write(new HistoryEvent { Op = HistoryOp.Close, Process = "a", Connection = 1 });
        int before = Encoding.UTF8.GetString(file.ToArray()).Count(letter => letter == '\n');
        writer.Write(new HistoryEvent { Op = HistoryOp.Connect, Phase = HistoryPhase.Invoke, Process = "a" });
        Assert.That(before, Is.EqualTo(1), "the first line, and an answer that waits");
        Assert.That(Encoding.UTF8.GetString(file.ToArray()).Count(letter => letter == '\n'), Is.EqualTo(3));
    }

    [Test]
    public void Writing_allocates_nothing()
    {
        using HistoryWriter writer = new(Stream.Null, TimeProvider.System);
        HistoryEvent e = new() { Op = HistoryOp.Deliver, Process = "reader", Conversation = new ConversationId(1), Connection = 1, Epoch = 1, Sequence = 5, Hash = 7, Kind = MessageKind.Text };
        for (int i = 0; i < 1000; i++)
        {
            writer.Write(e);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            writer.Write(e);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void Names_that_would_need_escapes_are_refused_by_the_writer()
    {
        using HistoryWriter writer = new(Stream.Null, TimeProvider.System);
        Assert.Throws<ArgumentException>(() => writer.Write(new HistoryEvent { Op = HistoryOp.End, Process = "a\"b" }));
        Assert.Throws<ArgumentException>(() => writer.Write(new HistoryEvent { Op = HistoryOp.End, Process = new string('x', 1000) }));
    }
}
