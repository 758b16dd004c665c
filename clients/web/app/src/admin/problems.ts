import { ErrorCode, RateLimitedError, RequestError } from "@fastchat/client";
import { explain } from "../model/problems.ts";

/** What went wrong, for an operator: the broker's own words, which say more than a sentence for everybody. */
export function problemOf(error: unknown): string {
  if (!(error instanceof RequestError) || error instanceof RateLimitedError || error.reason === "") return explain(error);
  return error.code === ErrorCode.Forbidden ? "This account may not do that." : sentenceOf(error.reason);
}

/** A name of a setting at the beginning stays as it is written. */
function sentenceOf(reason: string): string {
  return `${/^[a-z]+(\s|$)/.test(reason) ? reason[0]!.toUpperCase() + reason.slice(1) : reason}.`;
}
