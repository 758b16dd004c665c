import { CloseCode, ConnectionError, ErrorCode, RateLimitedError, RequestError } from "@fastchat/client";

const SENTENCES: Partial<Record<number, string>> = {
  [ErrorCode.Forbidden]: "You may not do that here.",
  [ErrorCode.NoSuchConversation]: "There is no such conversation, or it is not yours to see.",
  [ErrorCode.NoSuchMessage]: "That message is not there any more.",
  [ErrorCode.NoSuchUser]: "There is nobody of that name.",
  [ErrorCode.NameTaken]: "That name is taken.",
  [ErrorCode.NameInvalid]: "A name has 1 to 64 letters, digits, dots, dashes or underscores, and begins with a letter or digit.",
  [ErrorCode.BodyTooLarge]: "The message is too long.",
  [ErrorCode.TooMany]: "There are too many of these already.",
  [ErrorCode.QuotaExceeded]: "Your space for files is used up.",
  [ErrorCode.AttachmentTooLarge]: "The file is too large.",
  [ErrorCode.StoreFull]: "The server has no room just now.",
  [ErrorCode.StoreUnavailable]: "The server cannot store anything just now.",
  [ErrorCode.WrongCredentials]: "The password is not right.",
  [ErrorCode.PasswordInvalid]: "A password has 8 to 256 bytes.",
  [ErrorCode.Conflict]: "Somebody was faster, or it is so already.",
};

const CLOSES: Partial<Record<number, string>> = {
  // One sentence for a name that does not exist and a password that is not right: nobody learns which names exist.
  [CloseCode.BadCredentials]: "Name or password is not right.",
  [CloseCode.NameTaken]: "That name is taken. Choose another one, or sign in.",
  [CloseCode.NameInvalid]: "A name has 1 to 64 letters, digits, dots, dashes or underscores, and begins with a letter or digit.",
  [CloseCode.PasswordInvalid]: "A password has 8 to 256 bytes.",
  [CloseCode.RegistrationClosed]: "Accounts are made by the operator here.",
  [CloseCode.RateLimited]: "Too many attempts. Wait a little and try again.",
  [CloseCode.Overloaded]: "The server is busy. Try again in a moment.",
  [CloseCode.Suspended]: "This account is suspended.",
  [CloseCode.SignedOut]: "This device was signed out.",
  [CloseCode.TokenInvalid]: "The sign-in is not valid any more. Sign in again.",
  [CloseCode.TokenExpired]: "The sign-in is over. Sign in again.",
};

/** What went wrong, for people. */
export function explain(error: unknown): string {
  if (error instanceof RateLimitedError) {
    const seconds = Math.ceil(error.retryAfter / 1000);
    return seconds > 0 ? `Too much at once. Try again in ${seconds} s.` : "Too much at once. Try again in a moment.";
  }

  if (error instanceof RequestError) return SENTENCES[error.code] ?? error.reason;
  if (error instanceof ConnectionError) return CLOSES[error.code] ?? (error.isFinal ? "The server cannot be reached." : "The connection broke before the answer came.");
  return error instanceof Error ? error.message : "Something went wrong.";
}
