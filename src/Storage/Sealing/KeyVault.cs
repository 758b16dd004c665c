using System.Security.Cryptography;

using FastChat.Protocol;
using FastChat.Shared;

using Microsoft.Win32.SafeHandles;

namespace FastChat.Storage;

/// <summary>
/// The secrets of people and conversations from which the keys of message bodies come (docs/decisions/0036-keys-that-can-be-destroyed.md), in a file of its own that no backup of a store has. Destroying one takes the bodies of a
/// person, or of a conversation, out of every copy of every store that was sealed by it.
/// <para>
/// A secret is made when somebody writes for the first time, in memory, and is durable before the commit that holds what it sealed: each commit calls <see cref="MakeDurable"/> first, and one append and sync take all that are new. All
/// secrets are in memory, about 120 bytes each: looking them up on the disk would put the disk on the way of a message.
/// </para>
/// <para>
/// Destroying writes the file anew without the secret, and with a mark in its place: who was destroyed gets no other one. The store notes the same before (<see cref="StateKeys.DestroyedPeople"/>), so that neither an older copy of the
/// vault nor an older copy of the store, each with the other's present state, brings anything back.
/// </para>
/// Threads: any. <c>_gate</c> guards what is in memory, <c>_disk</c> the file; who holds both took the second first.
/// </summary>
public sealed class KeyVault : IDisposable
{
    private const string FileName = "vault";

    private readonly string _path;
    private readonly DirectoryLock _lock;
    private readonly Aes256Gcm _cipher = new();
    private readonly Lock _gate = new();
    private readonly Lock _disk = new();
    private readonly Dictionary<UserId, VaultSecret?> _people = [];
    private readonly Dictionary<ConversationId, VaultSecret?> _conversations = [];
    private readonly List<VaultEntry> _fresh = [];
    private byte[] _key = new byte[Aes256Gcm.KeySize];
    private byte[] _wrapped = [];
    private SafeFileHandle? _file;
    private long _end;
    private long _made;
    private long _durable;
    private long _version;
    private bool _isRewriteOwed;

    private KeyVault(string path, DirectoryLock directoryLock)
    {
        _path = path;
        _lock = directoryLock;
        Opener = new RecordOpener(this);
    }

    /// <summary>Its id: a store knows the vault that sealed it.</summary>
    public UInt128 Id { get; private set; }

    /// <summary>How many people and conversations have secrets now.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _people.Values.Count(static secret => secret is not null) + _conversations.Values.Count(static secret => secret is not null);
            }
        }
    }

    /// <summary>Opens records for readers.</summary>
    internal RecordOpener Opener { get; }

    /// <summary>Grows when something is destroyed: keys that were derived before are void.</summary>
    internal long Version => Volatile.Read(ref _version);

    /// <summary>Called before the file is written, on the thread that does; what it throws counts as the device's answer. For tests.</summary>
    internal Action? BeforeWrite { get; set; }

    /// <summary>Opens a vault; one that is not there yet is made when the first store begins to be sealed by it.</summary>
    /// <param name="directory">Made when absent, its owner's alone.</param>
    /// <param name="master">Its master key.</param>
    /// <param name="previous">The one before it, when it changes: a vault that <paramref name="master"/> does not open is opened by this one, and gets another key of its own, wrapped by <paramref name="master"/>.</param>
    /// <exception cref="StoreOpenException">It cannot be opened: a wrong master key, damage, or another process has it. The message says which.</exception>
    public static KeyVault Open(string directory, MasterKey master, MasterKey? previous = null)
    {
        ArgumentNullException.ThrowIfNull(master);
        string full = Path.GetFullPath(directory);
        KeyVault? vault = null;
        try
        {
            CreatePrivate(full);
            vault = new KeyVault(Path.Combine(full, FileName), DirectoryLock.Acquire(full));
            vault.Load(master, previous);
            return vault;
        }
        catch (Exception failure)
        {
            vault?.Dispose();
            if (failure is IOException or UnauthorizedAccessException)
            {
                throw new StoreOpenException($"The key vault {full} cannot be used: {failure.Message}", failure);
            }

            throw;
        }
    }

    /// <summary>Opens a vault that there is.</summary>
    /// <inheritdoc cref="Open"/>
    public static KeyVault OpenExisting(string directory, MasterKey master) => File.Exists(Path.Combine(directory, FileName))
        ? Open(directory, master)
        : throw new StoreOpenException($"There is no key vault in {directory}.");

    /// <summary>A sealer for one thread.</summary>
    public RecordSealer CreateSealer() => new(this);

    /// <summary>Opens what <see cref="RecordSealer.SealText"/> gave; null when the keys were destroyed. Any thread.</summary>
    /// <exception cref="CorruptRecordException">Its keys should be there and do not open it, or are not there.</exception>
    public byte[]? OpenText(UserId person, ConversationId conversation, ReadOnlySpan<byte> associated, ReadOnlySpan<byte> source)
    {
        BodyKeyState state = Derive(person, conversation, makesSecrets: false, out BodyKeys keys);
        return state == BodyKeyState.Destroyed ? null
            : state == BodyKeyState.Ready && SealedText.Open(keys, associated, source) is { } text ? text
            : throw new CorruptRecordException($"A text of user {person} in conversation {conversation} cannot be opened with its keys.");
    }

    /// <summary>True when the person's secret was destroyed.</summary>
    public bool IsDestroyed(UserId person)
    {
        lock (_gate)
        {
            return _people.TryGetValue(person, out VaultSecret? secret) && secret is null;
        }
    }

    /// <summary>True when the conversation's secret was destroyed.</summary>
    public bool IsDestroyed(ConversationId conversation)
    {
        lock (_gate)
        {
            return _conversations.TryGetValue(conversation, out VaultSecret? secret) && secret is null;
        }
    }

    /// <summary>Returns when every secret that was made before this call is on stable storage.</summary>
    /// <exception cref="StorageFullException">There is no room; nothing is lost.</exception>
    /// <exception cref="StorageException">The device failed.</exception>
    public void MakeDurable()
    {
        if (Volatile.Read(ref _durable) == Volatile.Read(ref _made))
        {
            return;
        }

        lock (_disk)
        {
            if (_file is null)
            {
                Rewrite();
                return;
            }

            VaultEntry[] fresh;
            long made;
            lock (_gate)
            {
                fresh = [.. _fresh.Select(entry => Now(entry.Kind, entry.Id))];
                made = _made;
            }

            byte[] bytes = new byte[fresh.Length * VaultFile.EntrySize];
            for (int i = 0; i < fresh.Length; i++)
            {
                VaultFile.WriteEntry(bytes.AsSpan(i * VaultFile.EntrySize), Id, fresh[i], _key, _cipher);
            }

            Try(() =>
            {
                RandomAccess.Write(_file, bytes, _end);
                Failpoint.Reach("vault-written");
                StableFile.SyncData(_file);
            });
            _end += bytes.Length;
            Settled(fresh.Length, made);
        }

        Failpoint.Reach("vault-durable");
    }

    /// <summary>
    /// Destroys the secrets of people and conversations. When it returns nobody can open their bodies any more: not a reader from now on, and not who has this vault's directory and its master key. Whoever has none yet gets none. It is
    /// harmless to do it again, and has to be done again when it throws: then it holds for readers, and not yet for the disk.
    /// </summary>
    /// <exception cref="StorageFullException">There is no room for the file that takes the old one's place.</exception>
    /// <exception cref="StorageException">The device failed.</exception>
    public void Destroy(IReadOnlyCollection<UserId> people, IReadOnlyCollection<ConversationId> conversations)
    {
        lock (_disk)
        {
            lock (_gate)
            {
                foreach (UserId person in people)
                {
                    _isRewriteOwed |= !_people.TryGetValue(person, out VaultSecret? secret) || secret is not null;
                    _people[person] = null;
                }

                foreach (ConversationId conversation in conversations)
                {
                    _isRewriteOwed |= !_conversations.TryGetValue(conversation, out VaultSecret? secret) || secret is not null;
                    _conversations[conversation] = null;
                }

                Interlocked.Increment(ref _version);
            }

            if (_isRewriteOwed)
            {
                Rewrite();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_disk)
        {
            _file?.Dispose();
            _lock.Dispose();
            Opener.Dispose();
            _cipher.Dispose();
            CryptographicOperations.ZeroMemory(_key);
        }
    }

    /// <summary>The file is there from now on. A store that begins to be sealed calls it first.</summary>
    internal void Establish()
    {
        lock (_disk)
        {
            if (_file is null)
            {
                Rewrite();
            }
        }
    }

    /// <summary>Derives the keys of a person in a conversation.</summary>
    internal BodyKeyState Derive(UserId person, ConversationId conversation, bool makesSecrets, out BodyKeys keys)
    {
        keys = default;
        VaultSecret ofPerson;
        VaultSecret ofConversation;
        lock (_gate)
        {
            bool hasPerson = _people.TryGetValue(person, out VaultSecret? one);
            bool hasConversation = _conversations.TryGetValue(conversation, out VaultSecret? other);
            if ((hasPerson && one is null) || (hasConversation && other is null))
            {
                return BodyKeyState.Destroyed;
            }

            if (!makesSecrets && (!hasPerson || !hasConversation))
            {
                return BodyKeyState.Missing;
            }

            ofPerson = one ?? Make(VaultEntryKind.Person, person.Value);
            ofConversation = other ?? Make(VaultEntryKind.Conversation, conversation.Value);
            _people[person] = ofPerson;
            _conversations[conversation] = ofConversation;
        }

        keys = BodyKeys.Derive(person, ofPerson, conversation, ofConversation);
        return BodyKeyState.Ready;
    }

    private static void CreatePrivate(string directory)
    {
        if (!OperatingSystem.IsWindows() && !Directory.Exists(directory))
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        StableFile.CreateDirectory(directory);
        StableFile.SyncDirectory(Path.GetDirectoryName(directory) ?? directory);
    }

    private VaultSecret Make(VaultEntryKind kind, UInt128 id)
    {
        Span<byte> bytes = stackalloc byte[VaultSecret.Size];
        RandomNumberGenerator.Fill(bytes);
        VaultSecret secret = VaultSecret.Read(bytes);
        _fresh.Add(new VaultEntry(kind, id, secret));
        Volatile.Write(ref _made, _made + 1);
        return secret;
    }

    /// <summary>The entry as it is by now: one that is not durable yet may have been destroyed. Under the gate.</summary>
    private VaultEntry Now(VaultEntryKind kind, UInt128 id)
    {
        VaultSecret? secret = kind == VaultEntryKind.Person ? _people[new UserId(id)] : _conversations[new ConversationId(id)];
        return secret is { } there ? new VaultEntry(kind, id, there)
            : new VaultEntry(kind == VaultEntryKind.Person ? VaultEntryKind.DestroyedPerson : VaultEntryKind.DestroyedConversation, id, default);
    }

    private void Settled(int count, long made)
    {
        lock (_gate)
        {
            _fresh.RemoveRange(0, count);
        }

        Volatile.Write(ref _durable, made);
    }

    /// <summary>Writes everything into a file that takes the old one's place, and zeros into the old one.</summary>
    private void Rewrite()
    {
        List<VaultEntry> entries = [];
        int fresh;
        long made;
        lock (_gate)
        {
            entries.AddRange(_people.Keys.Select(person => Now(VaultEntryKind.Person, person.Value)));
            entries.AddRange(_conversations.Keys.Select(conversation => Now(VaultEntryKind.Conversation, conversation.Value)));
            fresh = _fresh.Count;
            made = _made;
        }

        string draft = _path + ".new";
        SafeFileHandle? next = null;
        try
        {
            Try(() =>
            {
                next = OpenFile(draft, FileMode.Create);
                long end = Write(next, entries);
                StableFile.SyncData(next);
                Failpoint.Reach("vault-drafted");
                File.Move(draft, _path, overwrite: true);

                // Whatever fails from here on: the old file has no name any more, and nothing may be appended to it.
                using SafeFileHandle? old = _file;
                long oldEnd = _end;
                (_file, _end, next) = (next, end, null);
                StableFile.SyncDirectory(Path.GetDirectoryName(_path)!);
                Failpoint.Reach("vault-replaced");
                Wipe(old, oldEnd);
            });
        }
        finally
        {
            next?.Dispose();
        }

        _isRewriteOwed = false;
        Settled(fresh, made);
    }

    private long Write(SafeFileHandle file, List<VaultEntry> entries)
    {
        byte[] head = VaultFile.Head(Id, _wrapped);
        RandomAccess.Write(file, head, 0);
        long end = head.Length;
        byte[] block = new byte[1024 * VaultFile.EntrySize];
        for (int from = 0; from < entries.Count; from += 1024)
        {
            int count = Math.Min(1024, entries.Count - from);
            for (int i = 0; i < count; i++)
            {
                VaultFile.WriteEntry(block.AsSpan(i * VaultFile.EntrySize), Id, entries[from + i], _key, _cipher);
            }

            RandomAccess.Write(file, block.AsSpan(0, count * VaultFile.EntrySize), end);
            end += count * VaultFile.EntrySize;
        }

        return end;
    }

    /// <summary>As far as the file system lets one: what a copying file system or a flash controller keeps of the old blocks, nobody reaches from here.</summary>
    private static void Wipe(SafeFileHandle? file, long size)
    {
        if (file is null)
        {
            return;
        }

        byte[] zeros = new byte[64 * 1024];
        for (long at = 0; at < size; at += zeros.Length)
        {
            RandomAccess.Write(file, zeros.AsSpan(0, (int)Math.Min(zeros.Length, size - at)), at);
        }

        StableFile.SyncData(file);
    }

    private void Load(MasterKey master, MasterKey? previous)
    {
        File.Delete(_path + ".new");
        if (!File.Exists(_path))
        {
            Span<byte> id = stackalloc byte[Id128.Size];
            RandomNumberGenerator.Fill(id);
            Id = Id128.Read(id);
            NewKey(master);
            return;
        }

        byte[] bytes = File.ReadAllBytes(_path);
        if (!VaultFile.TryReadHead(bytes, out UInt128 vault, out ReadOnlySpan<byte> wrapped, out int size))
        {
            throw new StoreOpenException($"{_path} is damaged, no key vault, or of a newer version.");
        }

        Id = vault;
        _wrapped = wrapped.ToArray();
        bool isPrevious = false;
        try
        {
            _key = master.Unwrap(_wrapped);
        }
        catch (StoreOpenException) when (previous is not null)
        {
            _key = previous.Unwrap(_wrapped);
            isPrevious = true;
        }

        _end = size + LoadEntries(bytes.AsSpan(size));
        _file = OpenFile(_path, FileMode.Open);

        // What a crash left of an append: no commit relied on it.
        RandomAccess.SetLength(_file, _end);
        StableFile.SyncData(_file);
        if (isPrevious)
        {
            NewKey(master);
            Rewrite();
        }
    }

    /// <summary>Reads the entries, and says how many bytes they take: what is behind the last sound one was never relied on.</summary>
    private int LoadEntries(ReadOnlySpan<byte> bytes)
    {
        int sound = 0;
        for (int at = 0; at + VaultFile.EntrySize <= bytes.Length; at += VaultFile.EntrySize)
        {
            ReadOnlySpan<byte> one = bytes.Slice(at, VaultFile.EntrySize);
            if (!VaultFile.IsSound(one))
            {
                continue;
            }

            if (sound != at || !VaultFile.TryReadEntry(one, Id, _key, _cipher, out VaultEntry entry))
            {
                throw new StoreOpenException($"{_path} is damaged: entry {sound / VaultFile.EntrySize} cannot be read. Put the latest copy of the vault in its place.");
            }

            sound = at + VaultFile.EntrySize;
            Take(entry);
        }

        return sound;
    }

    private void Take(in VaultEntry entry)
    {
        switch (entry.Kind)
        {
            case VaultEntryKind.Person:
                _people.TryAdd(new UserId(entry.Id), entry.Secret);
                break;
            case VaultEntryKind.Conversation:
                _conversations.TryAdd(new ConversationId(entry.Id), entry.Secret);
                break;
            case VaultEntryKind.DestroyedPerson:
                _people[new UserId(entry.Id)] = null;
                break;
            default:
                _conversations[new ConversationId(entry.Id)] = null;
                break;
        }
    }

    private void NewKey(MasterKey master)
    {
        byte[] key = new byte[Aes256Gcm.KeySize];
        RandomNumberGenerator.Fill(key);
        _wrapped = master.Wrap(key);
        _key = key;
    }

    private static SafeFileHandle OpenFile(string path, FileMode mode)
    {
        SafeFileHandle file = File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        return file;
    }

    private void Try(Action write)
    {
        try
        {
            BeforeWrite?.Invoke();
            write();
        }
        catch (IOException full) when (StorageFullException.IsCause(full))
        {
            throw new StorageFullException($"There is no room for the key vault: {full.Message}", full);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The key vault cannot be written: {failure.Message}", failure);
        }
    }
}
