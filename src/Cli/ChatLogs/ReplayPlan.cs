using FastChat.Client;
using FastChat.Protocol;

namespace FastChat.Cli;

/// <summary>What a replay will do: the files, their conversations and their users, all known to the broker before the first message leaves.</summary>
internal sealed class ReplayPlan
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    private ReplayPlan(ReplayFile[] files)
    {
        Files = files;
        MessageCount = files.Sum(static file => (long)file.Count);
        foreach (ReplayFile file in files)
        {
            foreach (ChatLogMessage message in file.Log.Messages)
            {
                _names.Add(LogNames.UserName(file.Log.Nick(message)));
            }
        }
    }

    /// <summary>The files in the order of the command line.</summary>
    public ReplayFile[] Files { get; }

    /// <summary>Messages of all files.</summary>
    public long MessageCount { get; }

    /// <summary>Distinct senders.</summary>
    public int UserCount => _names.Count;

    /// <summary>Reads the files.</summary>
    /// <exception cref="CliException">One cannot be read, or two would become the same conversation.</exception>
    public static ReplayPlan Load(IReadOnlyList<string> paths, string prefix)
    {
        Dictionary<string, string> pathOfName = new(StringComparer.OrdinalIgnoreCase);
        ReplayFile[] files = new ReplayFile[paths.Count];
        for (int i = 0; i < paths.Count; i++)
        {
            string name = LogNames.ConversationName(paths[i], prefix);
            if (!pathOfName.TryAdd(name, paths[i]))
            {
                throw CliException.Usage($"{SafeText.OneLine(pathOfName[name])} and {SafeText.OneLine(paths[i])} would both be #{name}");
            }

            try
            {
                files[i] = new ReplayFile(paths[i], name, ChatLog.Parse(File.ReadAllBytes(paths[i])));
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw new CliException($"{SafeText.OneLine(paths[i])} cannot be read: {SafeText.OneLine(failure.Message)}", inner: failure);
            }
        }

        return new ReplayPlan(files);
    }

    /// <summary>Makes users and conversations known to the broker; what is there already is found.</summary>
    /// <exception cref="CliException">The signed-in user may not import users.</exception>
    public async Task PrepareAsync(FastChatClient client, ReplayRecording? recording, CancellationToken cancellation)
    {
        string[] names = [.. _names];
        Dictionary<string, UserId> users = new(names.Length, StringComparer.Ordinal);
        try
        {
            IReadOnlyList<UserId> ids = await client.ImportUsersAsync(names, cancellation).ConfigureAwait(false);
            for (int i = 0; i < names.Length; i++)
            {
                users[names[i]] = ids[i];
            }
        }
        catch (RequestException refused) when (refused.Code == ErrorCode.Forbidden)
        {
            throw new CliException($"{SafeText.OneLine(client.UserName)} may not import users: a replay needs the operator's token (--data DIR on the broker's machine)", inner: refused);
        }

        foreach (ReplayFile[] part in Files.Chunk(64))
        {
            ConversationInfo[] found = await Task.WhenAll(
                part.Select(file => client.ResolveConversationAsync(file.ConversationName, create: true, cancellation))).ConfigureAwait(false);
            for (int i = 0; i < part.Length; i++)
            {
                recording?.OnConversation(found[i]);
                part[i].Prepare(found[i].Conversation, name => users[name]);
            }
        }
    }
}
