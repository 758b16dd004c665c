using System.Globalization;

using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>Prints messages as the contract's objects, or as lines for people when stdout is a terminal.</summary>
internal sealed class MessagePrinter
{
    private readonly Invocation _invocation;
    private readonly UserNames _names;

    /// <summary>Prints to the invocation's output.</summary>
    public MessagePrinter(Invocation invocation, FastChatClient client)
    {
        _invocation = invocation;
        _names = new UserNames(client);
    }

    /// <summary>Prints messages in the given order; names that are missing are asked for in one question.</summary>
    public async ValueTask PrintAsync(IReadOnlyList<ChatMessage> messages, CancellationToken cancellation)
    {
        await _names.LearnAsync(messages, cancellation).ConfigureAwait(false);
        foreach (ChatMessage message in messages)
        {
            MessageView view = _names.View(message);
            if (_invocation.IsHuman)
            {
                _invocation.PrintHuman(HumanLine(view));
            }
            else
            {
                MessageJson.Write(_invocation.Json, view);
            }
        }
    }

    /// <summary>A message for people: time, sender and harmless text.</summary>
    public static string HumanLine(MessageView view)
    {
        string time = Timestamps.TryToTime(view.SentAtMicros, out DateTimeOffset sentAt)
            ? sentAt.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)
            : "?";
        string text = SafeText.OneLine(view.TextWithAttachments);
        return view.Kind switch
        {
            _ when view.IsErased => $"{time}  {SafeText.OneLine(view.Sender)}: (erased)",
            MessageKind.Text => $"{time}  {SafeText.OneLine(view.Sender)}: {text}",
            MessageKind.Rich => $"{time}  {SafeText.OneLine(view.Sender)}: {ChangeTexts.PrefixOf(view)}{text}",
            _ when view.IsSystem || ChangeTexts.IsChange(view.Kind) => $"{time}  · {text}",
            MessageKind.Opaque => $"{time}  {SafeText.OneLine(view.Sender)}: {text}  ({view.Body.Length} bytes)",
            _ => $"{time}  {SafeText.OneLine(view.Sender)}: (unsupported message)",
        };
    }
}
