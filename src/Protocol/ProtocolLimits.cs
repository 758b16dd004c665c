namespace FastChat.Protocol;

/// <summary>
/// Every maximum of the wire (protocol.md §2.3), in one place because they lean on one another. Welcome repeats those that a client needs;
/// a broker may announce lower ones.
/// </summary>
public static class ProtocolLimits
{
    /// <summary>Bytes of a message body. A chat line is 58 bytes on average; 64 KiB leaves room for any structured message, files go elsewhere.</summary>
    public const int BodySizeMax = 64 * 1024;

    /// <summary>Bytes of a frame body before sign-in: Hello and nothing else, so a stranger cannot make the broker buffer. An assertion fits, and a KiB beside it.</summary>
    public const int HelloSizeMax = AssertionSizeMax + 1024;

    /// <summary>Bytes of an assertion. Identity providers' tokens have one to four KiB, by the roles in them; most HTTP servers take headers of eight, so none has more.</summary>
    public const int AssertionSizeMax = 7 * 1024;

    /// <summary>Bytes of a frame body from a client: the largest publish (52 bytes before the body) fits, rounded up to a whole KiB.</summary>
    public const int ClientFrameSizeMax = BodySizeMax + 1024;

    /// <summary>Bytes of a frame body from the broker; it always holds at least one whole record, and a client must accept it.</summary>
    public const int ServerFrameSizeMax = 256 * 1024;

    /// <summary>Bytes of records the broker puts into one Deliver or Chunk frame, unless a single record is larger.</summary>
    public const int ChunkSizeMax = 64 * 1024;

    /// <summary>Publishes of one connection that may wait for their answer; past it the broker stops reading from that connection.</summary>
    public const int InFlightMax = 4096;

    /// <summary>Subscriptions of one session.</summary>
    public const int SubscriptionsMax = 10_000;

    /// <summary>Messages asked for in one Fetch; more is answered as this many.</summary>
    public const int FetchCountMax = 10_000;

    /// <summary>Bytes of records in one page; more is answered as this many.</summary>
    public const int FetchBytesMax = 1024 * 1024;

    /// <summary>Fetches of one connection that may be unanswered.</summary>
    public const int FetchesInFlightMax = 16;

    /// <summary>Bytes of a Ping.</summary>
    public const int PingSizeMax = 64;

    /// <summary>Bytes of a user or conversation name.</summary>
    public const int NameSizeMax = 64;

    /// <summary>Bytes of a certificate's name, its kind included.</summary>
    public const int CertificateNameSizeMax = 512;

    /// <summary>Bytes of a public key as text (JWK or PEM): RSA with 8,192 bits fits twice.</summary>
    public const int PublicKeySizeMax = 4096;

    /// <summary>Public keys of one service account: the one in use, the next one, and two more for whoever is slow.</summary>
    public const int ServiceKeysMax = 4;

    /// <summary>Bytes of a title.</summary>
    public const int TitleSizeMax = 256;

    /// <summary>Bytes of a conversation's topic.</summary>
    public const int TopicSizeMax = 1024;

    /// <summary>Bytes of what names a picture: an address or an attachment.</summary>
    public const int AvatarSizeMax = 512;

    /// <summary>Seconds that slow mode may ask for: six hours.</summary>
    public const int SlowModeSecondsMax = 6 * 60 * 60;

    /// <summary>Longest time for which a conversation can be told to keep its messages, in seconds: a hundred years.</summary>
    public const long RetentionSecondsMax = 36_525L * 24 * 60 * 60;

    /// <summary>Days that a mute or a join link may last: ten years mean for ever, and no sum of times overflows.</summary>
    public const int DurationDaysMax = 3653;

    /// <summary>Bytes of a reaction: one emoji with everything that modifies it, or a short name.</summary>
    public const int ReactionSizeMax = 64;

    /// <summary>Different reactions to one message.</summary>
    public const int ReactionKindsMax = 50;

    /// <summary>Edits of one message.</summary>
    public const int EditsMax = 100;

    /// <summary>Bytes of a message's attributes.</summary>
    public const int AttributesSizeMax = 4096;

    /// <summary>People mentioned in one message.</summary>
    public const int MentionsMax = 50;

    /// <summary>Conversations that one user belongs to or is invited to.</summary>
    public const int ConversationsOfUserMax = 10_000;

    /// <summary>Join links that a conversation has at a time.</summary>
    public const int JoinLinksMax = 100;

    /// <summary>Messages that somebody has scheduled in one conversation.</summary>
    public const int ScheduledMax = 100;

    /// <summary>Days ahead that a message may be scheduled.</summary>
    public const int ScheduledDaysMax = 366;

    /// <summary>Messages that somebody does not want to see, in all conversations together.</summary>
    public const int HiddenMax = 10_000;

    /// <summary>Bytes of a password, checked before it is hashed so that a large one is no weapon.</summary>
    public const int PasswordSizeMax = 256;

    /// <summary>Bytes of a password at the least.</summary>
    public const int PasswordSizeMin = 8;

    /// <summary>Bytes of a SCRAM message: with the longest nonces and a binding to a session it has half of them.</summary>
    public const int ScramSizeMax = 1024;

    /// <summary>Characters of one side's half of a nonce at the least: 96 bits in base64.</summary>
    public const int ScramNonceSizeMin = 16;

    /// <summary>Characters of one side's half of a nonce.</summary>
    public const int ScramNonceSizeMax = 128;

    /// <summary>How often a client hashes a password at the least, whatever a broker says: with less, who listened could try passwords fast.</summary>
    public const int ScramIterationsMin = 100_000;

    /// <summary>How often at the most: some seconds of a small processor. Nobody who claims to be a broker may ask for more.</summary>
    public const int ScramIterationsMax = 5_000_000;

    /// <summary>Bytes of a path on the broker's machine, which is as much as Linux takes.</summary>
    public const int PathSizeMax = 4096;

    /// <summary>Bytes of a token's text.</summary>
    public const int TokenSizeMax = 128;

    /// <summary>Bytes of a custom status: a line beside a name, and no message.</summary>
    public const int StatusSizeMax = 128;

    /// <summary>Conversations whose presence one connection watches: what a screen shows, and some.</summary>
    public const int PresenceWatchesMax = 64;

    /// <summary>Members up to which each is told of by name; in a larger conversation only counts are.</summary>
    public const int PresenceMembersMax = 100;

    /// <summary>Members up to which even counts are kept.</summary>
    public const int PresenceCountedMax = 20_000;

    /// <summary>Elements of an array in a control body.</summary>
    public const int ControlArrayMax = 500;

    /// <summary>Entries of a map in a control body.</summary>
    public const int ControlMapMax = 64;

    /// <summary>Nesting of a control body, also inside fields that the reader does not know and skips.</summary>
    public const int ControlDepthMax = 8;

    /// <summary>Bytes of the text in an Error or Close frame.</summary>
    public const int ReasonSizeMax = 512;
}
