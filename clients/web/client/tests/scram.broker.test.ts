import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { ConnectionError, RequestError } from "../src/client/ClientError.js";
import { CloseCode } from "../src/protocol/CloseCode.js";
import { ErrorCode } from "../src/protocol/ErrorCode.js";
import { Broker, freshName, noBroker } from "./support/Broker.js";

/** Passwords that are proven, between this client, the broker, and the .NET client, which the command line is. */
suite("passwords that are proven, with a broker", { skip: noBroker ?? false, timeout: 300_000 }, () => {
  const brokers: Record<string, Broker> = {};

  before(async () => {
    for (const passwords of ["plain", "both", "scram"]) {
      brokers[passwords] = await Broker.start({ passwords, scram_iterations: 100_000 });
    }
  });

  after(async () => {
    await Promise.all(Object.values(brokers).map((broker) => broker.stop()));
  });

  for (const passwords of ["plain", "both", "scram"]) {
    test(`${passwords}: an account is made, signed in to, its password changed, and erased`, async () => {
      const name = freshName("ada");
      const password = "pässwörd, correct";
      const made = await brokers[passwords]!.connect({ name, password, register: true });
      await made.changePassword(password, "battery staple");
      await made.close();
      const again = await brokers[passwords]!.connect({ name: name.toUpperCase(), password: "battery staple" });
      assert.equal(again.userName, name);
      await assert.rejects(brokers[passwords]!.connect({ name, password }), (error) => error instanceof ConnectionError && error.code === CloseCode.BadCredentials);
      await assert.rejects(again.changePassword("not this one", "correct horse"), (error) => error instanceof RequestError && error.code === ErrorCode.WrongCredentials);

      // The close may be faster than the answer.
      await again.eraseAccount("battery staple").catch(() => undefined);
      assert.equal((await again.closed).lastClose?.code, CloseCode.TokenInvalid);
    });

    test(`${passwords}: the command line and this client know each other's accounts`, async () => {
      const ours = freshName("ours");
      await (await brokers[passwords]!.connect({ name: ours, password: "correct horse", register: true })).close();
      await brokers[passwords]!.cli(ours, ["login", ours]);
      const theirs = freshName("theirs");
      await brokers[passwords]!.cli(theirs, ["register", theirs]);
      await (await brokers[passwords]!.connect({ name: theirs, password: "correct horse" })).close();
    });
  }

  test("who never shows a password is not signed in where only passwords are taken, and who always does not where only proofs are", async () => {
    for (const [passwords, passwordMechanism] of [["plain", "scram"], ["scram", "plain"]] as const) {
      await assert.rejects(
        brokers[passwords]!.connect({ name: freshName("eve"), password: "correct horse", register: true, passwordMechanism }),
        (error) => error instanceof ConnectionError && error.code === CloseCode.MechanismRefused,
      );
    }
  });
});
