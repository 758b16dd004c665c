using System.Text;

namespace FastChat.Cli;

/// <summary>Where a password comes from: a file, the environment, or the terminal without echo. Never the command line, which every user of a machine can read.</summary>
internal static class Password
{
    private const int LengthMax = 1024;

    /// <summary>The password for <paramref name="user"/>.</summary>
    /// <param name="user">Whose, for the prompt.</param>
    /// <param name="file">The file of <c>--password-file</c>; its last line break does not count. Null = not given.</param>
    /// <param name="environment">FASTCHAT_PASSWORD, or null.</param>
    /// <param name="confirm">Ask twice on a terminal: a typing mistake in a new password shuts its owner out.</param>
    /// <exception cref="CliException">There is none to be had.</exception>
    public static string Obtain(string user, string? file, string? environment, bool confirm)
    {
        if (file is not null)
        {
            return FromFile(file);
        }

        if (environment is { Length: > 0 })
        {
            return environment;
        }

        string password = Prompt($"Password for {SafeText.OneLine(user)}: ");
        if (confirm && Prompt("Once more: ") != password)
        {
            throw new CliException("the two passwords differ");
        }

        return password;
    }

    private static string FromFile(string file)
    {
        try
        {
            string text = File.ReadAllText(file);
            int length = text.EndsWith('\n') ? text.Length - 1 : text.Length;
            length = length > 0 && length < text.Length && text[length - 1] == '\r' ? length - 1 : length;
            return text[..length];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"the password file cannot be read: {failure.Message}", inner: failure);
        }
    }

    private static string Prompt(string prompt)
    {
        RawTerminal terminal;
        try
        {
            terminal = RawTerminal.Open();
        }
        catch (CliException failure)
        {
            throw new CliException("a password is needed: --password-file FILE, FASTCHAT_PASSWORD, or a terminal to ask on", inner: failure);
        }

        using (terminal)
        {
            terminal.Write(prompt);
            string password = ReadLine(terminal);
            terminal.Write("\r\n");
            return password;
        }
    }

    private static string ReadLine(RawTerminal terminal)
    {
        KeyDecoder decoder = new();
        List<Key> keys = [];
        LineEditor line = new();
        byte[] buffer = new byte[256];
        while (Encoding.UTF8.GetByteCount(line.Text) <= LengthMax)
        {
            int count = terminal.Read(buffer);
            if (count == 0)
            {
                break;
            }

            keys.Clear();
            decoder.Feed(buffer.AsSpan(0, count), keys);
            foreach (Key key in keys)
            {
                switch (key.Code)
                {
                    case KeyCode.Enter:
                        return line.Text;
                    case KeyCode.Interrupt or KeyCode.EndOfInput:
                        terminal.Write("\r\n");
                        throw new CliException("interrupted");
                    case KeyCode.Up or KeyCode.Down:
                        break;
                    default:
                        line.Handle(key);
                        break;
                }
            }
        }

        throw new CliException("no password was given");
    }
}
