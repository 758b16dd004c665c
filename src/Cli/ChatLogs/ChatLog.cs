using System.Text.Unicode;

using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>A message of a chat log: where its nick and text lie in the file's bytes.</summary>
/// <param name="LineNumber">From 1, counting every line of the file, so that it never changes for a line that stays where it is.</param>
/// <param name="LineStart">Offset of the line.</param>
/// <param name="LineLength">Bytes of the line without its line feed.</param>
/// <param name="NickLength">Bytes of the nick, which begins at a fixed place of the line.</param>
/// <param name="TextOffset">Offset of the text in the line; the text ends with the line.</param>
/// <param name="Kind">Text when the bytes are well-formed UTF-8, opaque when they are not.</param>
internal readonly record struct ChatLogMessage(int LineNumber, int LineStart, int LineLength, int NickLength, int TextOffset, MessageKind Kind);

/// <summary>
/// A chat log in memory: lines <c>[HH:MM] &lt;nick&gt; text</c> split at line feeds and nowhere else. Carriage returns and bytes that are no UTF-8 belong
/// to the text; nothing is decoded. Every other line (<c>===</c> for joins, leaves and renames, actions, notices) is not a message.
/// </summary>
internal sealed class ChatLog
{
    // "[HH:MM] <" is nine bytes.
    private const int NickOffset = 9;
    private const byte LineFeed = (byte)'\n';

    private readonly byte[] _bytes;

    private ChatLog(byte[] bytes, ChatLogMessage[] messages)
    {
        _bytes = bytes;
        Messages = messages;
    }

    /// <summary>The messages in the order of the file.</summary>
    public ChatLogMessage[] Messages { get; }

    /// <summary>Finds the messages in a file's bytes, which must not change afterwards.</summary>
    public static ChatLog Parse(byte[] bytes)
    {
        List<ChatLogMessage> messages = [];
        int start = 0;
        for (int lineNumber = 1; start < bytes.Length; lineNumber++)
        {
            int length = bytes.AsSpan(start).IndexOf(LineFeed);
            length = length < 0 ? bytes.Length - start : length;
            if (TryParseLine(bytes.AsSpan(start, length), out int nickLength, out int textOffset))
            {
                MessageKind kind = Utf8.IsValid(bytes.AsSpan(start + textOffset, length - textOffset)) ? MessageKind.Text : MessageKind.Opaque;
                messages.Add(new ChatLogMessage(lineNumber, start, length, nickLength, textOffset, kind));
            }

            start += length + 1;
        }

        return new ChatLog(bytes, [.. messages]);
    }

    /// <summary>The whole line of a message without its line feed.</summary>
    public ReadOnlySpan<byte> Line(in ChatLogMessage message) => _bytes.AsSpan(message.LineStart, message.LineLength);

    /// <summary>Who wrote it.</summary>
    public ReadOnlySpan<byte> Nick(in ChatLogMessage message) => _bytes.AsSpan(message.LineStart + NickOffset, message.NickLength);

    /// <summary>What was written.</summary>
    public ReadOnlyMemory<byte> Text(in ChatLogMessage message) =>
        _bytes.AsMemory(message.LineStart + message.TextOffset, message.LineLength - message.TextOffset);

    private static bool TryParseLine(ReadOnlySpan<byte> line, out int nickLength, out int textOffset)
    {
        nickLength = 0;
        textOffset = 0;
        bool stamped = line.Length > NickOffset && line[0] == '[' && IsDigit(line[1]) && IsDigit(line[2]) && line[3] == ':' &&
            IsDigit(line[4]) && IsDigit(line[5]) && line[6] == ']' && line[7] == ' ' && line[8] == '<';
        if (!stamped)
        {
            return false;
        }

        nickLength = line[NickOffset..].IndexOf((byte)'>');
        if (nickLength <= 0)
        {
            return false;
        }

        // "> " ends the nick; a log that trimmed its lines has an empty text as a bare ">".
        int end = NickOffset + nickLength + 1;
        textOffset = Math.Min(end + 1, line.Length);
        return end == line.Length || line[end] == ' ';
    }

    private static bool IsDigit(byte value) => value is >= (byte)'0' and <= (byte)'9';
}
