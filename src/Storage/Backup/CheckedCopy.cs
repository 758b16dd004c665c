using System.Security.Cryptography;

namespace FastChat.Storage;

/// <summary>
/// Copies and sums up files, a step at a time: each step is synced before the next, because the flush of a commit on the same device has to bring along whatever was written before it; and while
/// somebody else needs the device, a step is followed by as long a rest as it took. One thread.
/// </summary>
internal sealed class CheckedCopy : IDisposable
{
    private const int StepBytes = 1 << 20;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(StepBytes);
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly TimeProvider _time;
    private readonly bool _isPaced;
    private readonly CancellationToken _cancellation;

    /// <param name="isPaced">Others need the device.</param>
    /// <param name="cancellation">Asked before each step.</param>
    public CheckedCopy(TimeProvider time, bool isPaced, CancellationToken cancellation)
    {
        _time = time;
        _isPaced = isPaced;
        _cancellation = cancellation;
    }

    /// <summary>Bytes that were copied or summed up so far.</summary>
    public long DoneBytes { get; private set; }

    /// <summary>Called after each step.</summary>
    public Action? Stepped { get; init; }

    /// <summary>Copies a file, synced; its entry in the directory is for the caller to sync. Returns the SHA-256 of the bytes that were copied, in hexadecimal digits.</summary>
    /// <exception cref="IOException">One of the files cannot be read or written.</exception>
    public string Copy(string source, string target)
    {
        using FileStream to = new(target, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        return Read(source, bytes =>
        {
            to.Write(bytes);
            StableFile.SyncData(to.SafeFileHandle);
        });
    }

    /// <summary>The SHA-256 of a file, in hexadecimal digits.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public string Hash(string source) => Read(source, static _ => { });

    public void Dispose() => _hash.Dispose();

    private string Read(string source, StepWriter write)
    {
        using FileStream from = new(source, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        while (true)
        {
            _cancellation.ThrowIfCancellationRequested();
            long began = _time.GetTimestamp();
            int read = from.ReadAtLeast(_buffer, StepBytes, throwOnEndOfStream: false);
            if (read == 0)
            {
                return Convert.ToHexStringLower(_hash.GetHashAndReset());
            }

            _hash.AppendData(_buffer, 0, read);
            write(_buffer.AsSpan(0, read));
            DoneBytes += read;
            Stepped?.Invoke();
            if (_isPaced)
            {
                _cancellation.WaitHandle.WaitOne(_time.GetElapsedTime(began));
            }
        }
    }

    private delegate void StepWriter(ReadOnlySpan<byte> bytes);
}
