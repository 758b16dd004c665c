/** Every maximum of the wire that a client keeps to (protocol.md §2.3). A broker may announce lower ones in Welcome. */
export const ProtocolLimits = {
  /** Bytes of a message body. */
  bodySizeMax: 65_536,
  /** Bytes of a frame body from a client. */
  clientFrameSizeMax: 66_560,
  /** Bytes of a frame body from the broker, which a client must accept. */
  serverFrameSizeMax: 262_144,
  /** Publishes of one connection that may wait for their answer. */
  inFlightMax: 4096,
  /** Fetches of one connection that may be unanswered. */
  fetchesInFlightMax: 16,
  /** Bytes of a Ping. */
  pingSizeMax: 64,
  /** Elements of an array in a control body. */
  controlArrayMax: 500,
  /** Entries of a map in a control body. */
  controlMapMax: 64,
  /** Nesting of a control body. */
  controlDepthMax: 8,
  /** Bytes of the name of a client program. */
  clientNameSizeMax: 64,
  /** Bytes of a password at the least. */
  passwordSizeMin: 8,
  /** Bytes of a password at the most. */
  passwordSizeMax: 256,
  /** Bytes of a SCRAM message. */
  scramSizeMax: 1024,
  /** Characters of one side's half of a nonce at the least. */
  scramNonceSizeMin: 16,
  /** Iterations with which a password is hashed, at the least. */
  scramIterationsMin: 100_000,
  /** And at the most: more would hold a client up for as long as a stranger likes. */
  scramIterationsMax: 5_000_000,
  /** Profiles asked about in one request. */
  profilesAskedMax: 200,
  /** Conversations in one page of the inbox. */
  inboxPageMax: 200,
  /** Known conversations that one GetInbox names: 64 KiB of them. */
  inboxKnownMax: 1600,
  /** Bytes of a message's attributes. */
  attributesSizeMax: 4096,
  /** People mentioned in one message. */
  mentionsMax: 50,
  /** Attachments of one message. */
  attachmentsMax: 10,
  /** Bytes of a chunk of an attachment, and of one range that is read. */
  chunkSize: 65_536,
  /** Bytes of an attachment's name. */
  attachmentNameSizeMax: 255,
  /** Bytes of an attachment's media type. */
  mediaTypeSizeMax: 127,
  /** Bytes of a reaction. */
  reactionSizeMax: 64,
} as const;

/** The version that this client speaks. */
export const PROTOCOL_VERSION = 1;
