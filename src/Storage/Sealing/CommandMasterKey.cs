using System.ComponentModel;
using System.Diagnostics;

namespace FastChat.Storage;

/// <summary>
/// A master key that somebody else keeps (a key management service, a hardware module): a program that is started as <c>PROGRAM ARGUMENTS… wrap</c> or <c>… unwrap</c>, takes the bytes on its standard input, and gives the result, and nothing
/// else, on its standard output with exit code 0. What it writes to its standard error goes to the broker's. Where its own credentials come from is its business; arguments are seen by everybody on the machine.
/// </summary>
/// <param name="command">The program and its arguments.</param>
/// <param name="deadline">How long it may take; then it is ended.</param>
public sealed class CommandMasterKey(IReadOnlyList<string> command, TimeSpan deadline) : MasterKey
{
    /// <summary>How long a program may take unless somebody says otherwise.</summary>
    public static TimeSpan DefaultDeadline => TimeSpan.FromSeconds(20);

    /// <inheritdoc/>
    public override byte[] Wrap(ReadOnlySpan<byte> key)
    {
        byte[] wrapped = Run("wrap", key);

        // One that gives back what it got would leave the key in the open.
        return wrapped.Length == 0 || wrapped.AsSpan().IndexOf(key) >= 0 ? throw Failed("wrap", "gave nothing, or the key itself") : wrapped;
    }

    /// <inheritdoc/>
    public override byte[] Unwrap(ReadOnlySpan<byte> wrapped) =>
        Run("unwrap", wrapped) is { Length: Aes256Gcm.KeySize } key ? key : throw Failed("unwrap", "gave no key of 32 bytes");

    private byte[] Run(string what, ReadOnlySpan<byte> input)
    {
        ProcessStartInfo start = new(command[0]) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        foreach (string argument in command.Skip(1).Append(what))
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            using Process process = Process.Start(start)!;
            using Timer end = new(_ => End(process), null, deadline, Timeout.InfiniteTimeSpan);
            Give(process, input);
            byte[] output = new byte[WrappedSizeMax + 1];
            int size = process.StandardOutput.BaseStream.ReadAtLeast(output, output.Length, throwOnEndOfStream: false);
            if (size > WrappedSizeMax)
            {
                End(process);
                throw Failed(what, $"gave more than {WrappedSizeMax} bytes");
            }

            process.WaitForExit();
            return process.ExitCode == 0 ? output[..size] : throw Failed(what, $"ended with code {process.ExitCode}, or took longer than {deadline.TotalSeconds:0} s");
        }
        catch (Exception failure) when (failure is Win32Exception or IOException or InvalidOperationException)
        {
            throw Failed(what, failure.Message, failure);
        }
    }

    private static void Give(Process process, ReadOnlySpan<byte> input)
    {
        try
        {
            process.StandardInput.BaseStream.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended, or closed its input, without reading it: its exit code or its answer says what that means.
        }
    }

    private static void End(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception over) when (over is InvalidOperationException or Win32Exception or NotSupportedException)
        {
            // It has ended by itself.
        }
    }

    private StoreOpenException Failed(string what, string why, Exception? inner = null) => new($"encryption_command ({command[0]} {what}): {why}.", inner);
}
