using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace FastChat.Cli;

/// <summary>
/// Writes one JSON object per line. Non-ASCII stays readable, control characters are escaped, so a line of output is a line whatever a message says.
/// Lines gather in a buffer until <see cref="Flush"/> or until there are enough of them to be worth a write. One thread at a time.
/// </summary>
internal sealed class JsonLines : IDisposable
{
    private const int FlushThresholdBytes = 32 * 1024;

    private readonly Stream _target;
    private readonly ArrayBufferWriter<byte> _buffer = new(FlushThresholdBytes + 4096);
    private readonly Utf8JsonWriter _writer;

    /// <summary>Writes to <paramref name="target"/>, which stays open.</summary>
    public JsonLines(Stream target)
    {
        _target = target;
        _writer = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });
    }

    /// <summary>Begins a line: the writer stands inside its object.</summary>
    public Utf8JsonWriter Begin()
    {
        _writer.Reset(_buffer);
        _writer.WriteStartObject();
        return _writer;
    }

    /// <summary>Ends the line that <see cref="Begin"/> began.</summary>
    public void End()
    {
        _writer.WriteEndObject();
        _writer.Flush();
        _buffer.Write("\n"u8);
        if (_buffer.WrittenCount >= FlushThresholdBytes)
        {
            Flush();
        }
    }

    /// <summary>Hands every line to the stream.</summary>
    public void Flush()
    {
        if (_buffer.WrittenCount == 0)
        {
            return;
        }

        _target.Write(_buffer.WrittenSpan);
        _target.Flush();
        _buffer.ResetWrittenCount();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Flush();
        _writer.Dispose();
    }
}
