using System.Diagnostics;

namespace FastChat.Bench.Load.Scenarios;

/// <summary>Writes the conversation that will be read, together with other writers: each keeps a number of publishes unanswered until all messages are written. Generator thread only.</summary>
internal sealed class CatchUpWriter(CatchUpWriter.Work work) : Window(work.Outstanding, conversations: 1)
{
    protected override bool PublishNext()
    {
        if (!work.TryTake())
        {
            return false;
        }

        work.Add(Publish(work.Conversation, Stopwatch.GetTimestamp()));
        return true;
    }

    /// <summary>What the writers share.</summary>
    internal sealed class Work(int conversation, int messages, int outstanding)
    {
        private int _left = messages;

        public int Conversation { get; } = conversation;

        public int Outstanding { get; } = outstanding;

        /// <summary>The sum of what identifies each message (<see cref="CatchUpReader.MarkOf(long)"/>).</summary>
        public long Checksum { get; private set; }

        public bool TryTake()
        {
            if (_left == 0)
            {
                return false;
            }

            _left--;
            return true;
        }

        public void Add(long number) => Checksum += CatchUpReader.MarkOf(number);
    }
}
