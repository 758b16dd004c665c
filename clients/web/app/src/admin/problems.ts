import { ErrorCode, RequestError } from "@fastchat/client";
import { explain } from "../model/problems.ts";

/** What went wrong, for an operator: the broker's own words where they say more than a sentence for everybody. */
export function problemOf(error: unknown): string {
  if (error instanceof RequestError) {
    switch (error.code) {
      case ErrorCode.Forbidden: return "This account may not do that.";
      case ErrorCode.SettingInvalid: case ErrorCode.BadRequest: case ErrorCode.TooMany: case ErrorCode.Unsupported: case ErrorCode.StoreUnavailable: return error.reason;
      default: break;
    }
  }

  return explain(error);
}
