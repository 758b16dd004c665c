using System.Runtime.InteropServices;
using System.Text;

using Microsoft.Win32.SafeHandles;

namespace FastChat.Cli;

/// <summary>
/// The terminal in raw mode: every byte at once, nothing echoed, no signals from keys. The state it was found in is put back by <see cref="Dispose"/>, and
/// by the process's exit or crash, SIGINT, SIGTERM and SIGHUP when nobody gets there. <see cref="Console"/> is not used for reading, because it keeps termios
/// settings of its own and would fight over them.
/// </summary>
internal sealed partial class RawTerminal : IDisposable
{
    private const int TcsaFlush = 2;

    // struct termios has 60 bytes on Linux and 72 on macOS; it is never looked into: cfmakeraw changes it and tcsetattr takes it back.
    private const int TermiosSizeMax = 256;
    private const nuint GetWindowSizeRequest = 0x5413;

    private readonly byte[] _saved = new byte[TermiosSizeMax];
    private readonly FileStream _device;
    private readonly List<PosixSignalRegistration> _signals = [];
    private readonly string _leave;
    private int _restored;

    private RawTerminal(FileStream device, string enter, string leave)
    {
        _device = device;
        _leave = leave;
        if (GetAttributes(Descriptor, _saved) != 0)
        {
            throw new CliException($"the terminal does not say its settings (errno {Marshal.GetLastPInvokeError()})");
        }

        AppDomain.CurrentDomain.ProcessExit += OnProcessExit;
        AppDomain.CurrentDomain.UnhandledException += OnProcessExit;
        foreach (PosixSignal signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT })
        {
            _signals.Add(PosixSignalRegistration.Create(signal, _ => Restore()));
        }

        byte[] raw = (byte[])_saved.Clone();
        MakeRaw(raw);
        if (SetAttributes(Descriptor, TcsaFlush, raw) != 0)
        {
            throw new CliException($"the terminal does not take raw mode (errno {Marshal.GetLastPInvokeError()})");
        }

        Write(enter);
    }

    private int Descriptor => (int)_device.SafeFileHandle.DangerousGetHandle();

    /// <summary>True when stdin and stdout are both a terminal.</summary>
    public static bool IsInteractive => !OperatingSystem.IsWindows() && !Console.IsInputRedirected && !Console.IsOutputRedirected;

    /// <summary>Opens the controlling terminal, whatever stdin and stdout are, and prints <paramref name="enter"/>; <paramref name="leave"/> is printed when it is put back.</summary>
    /// <exception cref="CliException">There is none.</exception>
    public static RawTerminal Open(string enter = "", string leave = "")
    {
        try
        {
            SafeFileHandle handle = File.OpenHandle("/dev/tty", FileMode.Open, FileAccess.ReadWrite);
            return new RawTerminal(new FileStream(handle, FileAccess.ReadWrite, bufferSize: 0), enter, leave);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CliException("there is no terminal", inner: failure);
        }
    }

    /// <summary>Reads what was typed; 0 when the terminal is gone. Blocks its thread.</summary>
    public int Read(Span<byte> target)
    {
        try
        {
            return _device.Read(target);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>Prints, escape sequences included.</summary>
    public void Write(string text)
    {
        if (text.Length > 0)
        {
            _device.Write(Encoding.UTF8.GetBytes(text));
        }
    }

    /// <summary>Columns and rows; 80 × 24 when the terminal does not know.</summary>
    public (int Columns, int Rows) Size()
    {
        ushort[] size = new ushort[4];
        bool known = OperatingSystem.IsLinux() && GetWindowSize(Descriptor, GetWindowSizeRequest, size) == 0 && size[0] > 0 && size[1] > 0;
        return known ? (size[1], size[0]) : (80, 24);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Restore();
        AppDomain.CurrentDomain.ProcessExit -= OnProcessExit;
        AppDomain.CurrentDomain.UnhandledException -= OnProcessExit;
        foreach (PosixSignalRegistration signal in _signals)
        {
            signal.Dispose();
        }

        // A reader may still be blocked on the device; closing under it would wait for a key press. The process ends soon.
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static partial int GetAttributes(int descriptor, byte[] termios);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static partial int SetAttributes(int descriptor, int when, byte[] termios);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(byte[] termios);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int GetWindowSize(int descriptor, nuint request, ushort[] size);

    private void OnProcessExit(object? sender, EventArgs arguments) => Restore();

    private void Restore()
    {
        if (Interlocked.Exchange(ref _restored, 1) == 0)
        {
            Write(_leave);
            _ = SetAttributes(Descriptor, TcsaFlush, _saved);
        }
    }
}
