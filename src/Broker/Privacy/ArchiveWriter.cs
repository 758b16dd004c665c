using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;

namespace FastChat.Broker.Privacy;

/// <summary>
/// The archive that an export is: a ZIP file of parts that are written one after another, and last of all <c>manifest.json</c> with the size and the SHA-256 of each, so that whoever has it can check every part. It ends by an
/// exception when it would have more bytes than it may. One thread at a time.
/// </summary>
internal sealed class ArchiveWriter : IDisposable
{
    private readonly FileStream _file;
    private readonly ZipArchive _archive;
    private readonly long _bytesMax;
    private readonly DateTimeOffset _time;
    private readonly List<(string Name, long Bytes, string Hash)> _parts = [];

    /// <param name="path">The file; its owner's alone.</param>
    /// <param name="bytesMax">Bytes that it may have.</param>
    /// <param name="time">When the parts say that they were made.</param>
    public ArchiveWriter(string path, long bytesMax, DateTimeOffset time)
    {
        FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.ReadWrite, Share = FileShare.Read };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        _file = new FileStream(path, options);
        _archive = new ZipArchive(_file, ZipArchiveMode.Create, leaveOpen: true);
        (_bytesMax, _time) = (bytesMax, time);
    }

    /// <summary>Begins a part; it ends when it is disposed, before the next one begins.</summary>
    public Part Begin(string name)
    {
        ZipArchiveEntry entry = _archive.CreateEntry(name, CompressionLevel.Fastest);
        entry.LastWriteTime = _time;
        return new Part(this, name, entry.Open());
    }

    /// <summary>Writes the manifest and brings everything to the disk; returns the SHA-256 of the file.</summary>
    /// <param name="about">Says what the archive is of.</param>
    public byte[] Finish(Action<Utf8JsonWriter> about)
    {
        ZipArchiveEntry entry = _archive.CreateEntry("manifest.json", CompressionLevel.Fastest);
        entry.LastWriteTime = _time;
        using (Stream stream = entry.Open())
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            about(json);
            json.WriteStartArray("parts");
            foreach ((string name, long bytes, string hash) in _parts)
            {
                json.WriteStartObject();
                json.WriteString("name", name);
                json.WriteNumber("bytes", bytes);
                json.WriteString("sha256", hash);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        _archive.Dispose();
        Check();
        _file.Flush(flushToDisk: true);
        _file.Position = 0;
        return SHA256.HashData(_file);
    }

    /// <summary>Gives the file back, whole or not.</summary>
    public void Dispose()
    {
        try
        {
            _archive.Dispose();
        }
        catch (Exception unfinished) when (unfinished is InvalidOperationException or IOException)
        {
            // A part was cut off, or the disk is full: whoever cut it off says why, and the file is deleted.
        }

        _file.Dispose();
    }

    private void Check()
    {
        if (_file.Length > _bytesMax)
        {
            throw new IOException($"the archive would have more than {_bytesMax} bytes");
        }
    }

    /// <summary>One part of an archive: bytes, or JSON lines.</summary>
    internal sealed class Part(ArchiveWriter archive, string name, Stream stream) : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly System.Buffers.ArrayBufferWriter<byte> _line = new();
        private long _bytes;

        /// <summary>Adds bytes.</summary>
        public void Write(ReadOnlySpan<byte> bytes)
        {
            archive.Check();
            stream.Write(bytes);
            _hash.AppendData(bytes);
            _bytes += bytes.Length;
        }

        /// <summary>Adds an object on a line of its own.</summary>
        public void WriteLine(Action<Utf8JsonWriter> content)
        {
            _line.ResetWrittenCount();
            using (Utf8JsonWriter json = new(_line))
            {
                json.WriteStartObject();
                content(json);
                json.WriteEndObject();
            }

            _line.GetSpan(1)[0] = (byte)'\n';
            _line.Advance(1);
            Write(_line.WrittenSpan);
        }

        public void Dispose()
        {
            stream.Dispose();
            archive._parts.Add((name, _bytes, Convert.ToHexStringLower(_hash.GetHashAndReset())));
            _hash.Dispose();
        }
    }
}
