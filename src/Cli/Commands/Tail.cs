using System.CommandLine;
using System.Globalization;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary><c>tail CONVERSATION</c>: history from a sequence on, then live, one object per message, without a seam.</summary>
internal static class Tail
{
    private const string OnlyNew = "new";

    // Messages that arrived together share one question for names and one write.
    private const int BatchMax = 512;

    /// <summary>The verb.</summary>
    public static Command Build()
    {
        Argument<string> conversation = new("CONVERSATION") { Description = ConversationArgument.Description };
        Option<string> from = new("--from")
        {
            Description = "The first sequence to print, or 'new' for only what comes from now on",
            HelpName = "SEQ",
            DefaultValueFactory = static _ => "1",
        };
        Option<long?> count = new("--count") { Description = "End after so many messages", HelpName = "N" };
        Option<string?> history = new("--history") { Description = "Write what was subscribed to and delivered for check-history", HelpName = "FILE" };
        Command command = new("tail", "Print messages as they come, from a sequence on") { conversation, from, count, history };
        command.SetAction((parsed, cancellation) => Invocation.Action((invocation, token) => RunAsync(
            invocation,
            parsed.GetRequiredValue(conversation),
            ParseFrom(parsed.GetRequiredValue(from)),
            parsed.GetValue(count),
            parsed.GetValue(history),
            token))(parsed, cancellation));
        return command;
    }

    private static LogPosition ParseFrom(string from)
    {
        if (from == OnlyNew)
        {
            return new LogPosition(0, LogPosition.Latest);
        }

        return ulong.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out ulong sequence)
            ? new LogPosition(0, sequence == 0 ? 0 : sequence - 1)
            : throw CliException.Usage($"--from: a sequence or '{OnlyNew}' is expected, not '{SafeText.OneLine(from)}'");
    }

    private static async Task<int> RunAsync(Invocation invocation, string conversation, LogPosition after, long? count, string? history, CancellationToken cancellation)
    {
        if (count is <= 0)
        {
            throw CliException.Usage("--count: at least 1 is expected");
        }

        using TailRecording? recording = history is null ? null : TailRecording.Create(history, TimeProvider.System);
        ClientOptions options = invocation.SignIn() with { ReadObserver = recording };
        Action<ConnectionState> notes = ConnectionNotes.ToStandardError();
        FastChatClient client = await invocation.ConnectAsync(options, recording is null ? notes : notes + recording.OnStateChanged, cancellation).ConfigureAwait(false);
        recording?.Attach(client);
        await using (client.ConfigureAwait(false))
        {
            ConversationInfo target = await ConversationArgument.ResolveAsync(client, conversation, create: true, cancellation).ConfigureAwait(false);
            try
            {
                await FollowAsync(invocation, client, target.Conversation, after, count ?? long.MaxValue, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                // Ctrl-C is how a tail ends.
            }
            catch (IOException) when (!invocation.IsHuman)
            {
                // The reader of the pipe has seen enough.
            }
        }

        recording?.OnEnd();
        return ExitCodes.Done;
    }

    private static async Task FollowAsync(
        Invocation invocation, FastChatClient client, ConversationId conversation, LogPosition after, long count, CancellationToken cancellation)
    {
        MessagePrinter printer = new(invocation, client);
        long left = count;
        while (left > 0)
        {
            try
            {
                left -= await ReadAsync(invocation, client, printer, conversation, after, left, cancellation).ConfigureAwait(false);
                if (left > 0)
                {
                    throw new CliException("you are no longer a member of this conversation");
                }
            }
            catch (PausedException pause)
            {
                left -= pause.Printed;
                after = pause.Resume;
                Invocation.Note($"fastchat tail: {pause.Message}");
            }
        }
    }

    private static async Task<long> ReadAsync(
        Invocation invocation, FastChatClient client, MessagePrinter printer, ConversationId conversation, LogPosition after, long count, CancellationToken cancellation)
    {
        long printed = 0;
        List<ChatMessage> batch = [];
        IAsyncEnumerator<ChatMessage> messages = client.ReadAsync(conversation, after, cancellation).GetAsyncEnumerator(cancellation);
        await using (messages.ConfigureAwait(false))
        {
            try
            {
                while (printed < count)
                {
                    ValueTask<bool> next = messages.MoveNextAsync();
                    if (!next.IsCompleted || batch.Count >= BatchMax)
                    {
                        await PrintAsync(invocation, printer, batch, cancellation).ConfigureAwait(false);
                    }

                    if (!await next.ConfigureAwait(false))
                    {
                        break;
                    }

                    batch.Add(messages.Current);
                    printed++;
                }
            }
            catch (EpochChangedException changed)
            {
                LogPosition resume = new(changed.Epoch, Math.Min(changed.Head, changed.Position.Sequence));
                throw new PausedException($"the log is another one now (epoch {changed.Epoch}, up to {changed.Head}): later lines may repeat or replace earlier ones", resume, printed);
            }
            catch (HistoryTruncatedException truncated)
            {
                throw new PausedException($"messages before {truncated.First} are no longer kept", truncated.ResumeAfter, printed);
            }
            finally
            {
                await PrintAsync(invocation, printer, batch, CancellationToken.None).ConfigureAwait(false);
            }
        }

        return printed;
    }

    private static async ValueTask PrintAsync(Invocation invocation, MessagePrinter printer, List<ChatMessage> batch, CancellationToken cancellation)
    {
        if (batch.Count > 0)
        {
            await printer.PrintAsync(batch, cancellation).ConfigureAwait(false);
            invocation.Json.Flush();
            batch.Clear();
        }
    }

    // The read ended for a reason that a reader is told and reads on behind.
    private sealed class PausedException : Exception
    {
        public PausedException(string message, LogPosition resume, long printed)
            : base(message)
        {
            Resume = resume;
            Printed = printed;
        }

        public LogPosition Resume { get; }

        public long Printed { get; }
    }
}
