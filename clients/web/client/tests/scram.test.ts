import assert from "node:assert/strict";
import { test } from "node:test";
import { ControlMap } from "../src/protocol/control/ControlMap.js";
import { CloseCode } from "../src/protocol/CloseCode.js";
import { ErrorCode } from "../src/protocol/ErrorCode.js";
import { FrameReader } from "../src/protocol/FrameReader.js";
import { FrameType } from "../src/protocol/FrameType.js";
import { writeFrame } from "../src/protocol/FrameWriter.js";
import { parseChallenge, ScramClientExchange } from "../src/protocol/scram/ScramClientExchange.js";
import { ProtocolViolation } from "../src/protocol/ProtocolViolation.js";
import { RequestError } from "../src/client/ClientError.js";
import { failure, FakeBroker, welcomeMap } from "./support/FakeBroker.js";
import { settle } from "./support/FakeClock.js";
import { until } from "./support/Broker.js";
import { hex, readVectors } from "./support/vectors.js";

const SECURE = "wss://fake/ws";

for (const vector of readVectors("scram.txt").filter((one) => hex(one.fields["binding"]) === "" && String(one.fields["client_first"]).startsWith("n,"))) {
  const fields = vector.fields as Record<string, string>;
  test(`scram.txt: ${vector.name}`, async () => {
    const exchange = new ScramClientExchange(fields["name"]!, fields["password"]!, undefined, fields["client_nonce"]);
    assert.equal(exchange.first, fields["client_first"]);
    const frame = (name: string) => vector.frames.find((one) => one.frame === name)?.bytes;
    const challenge = frame("Challenge");
    if (challenge === undefined) {
      // RFC 7677's own has so few iterations that no client of FastChat answers it.
      await assert.rejects(exchange.answer({ scram: fields["server_first"]!, iterations: undefined }), ProtocolViolation);
      return;
    }

    const [read] = [...new FrameReader(4096).push(challenge)];
    const body = await exchange.answer(parseChallenge(ControlMap.parse(read!.body)));
    assert.equal(body.text("scram"), fields["client_final"]);
    assert.equal(hex(writeFrame(FrameType.Proof, 0, body.toBytes())), hex(frame("Proof")));
    assert.equal(exchange.isRight(fields["server_final"]), true);
  });
}

test("what must not be answered is not", async () => {
  const nonce = "n".repeat(24);
  const more = "x".repeat(16);
  const good = `r=${nonce}${more},s=kJGSk5SVlpeYmZqbnJ2enw==,i=100000,o=SCRAM-SHA-256`;
  const answer = (scram: string, iterations?: number) => new ScramClientExchange("ada", "correct horse", undefined, nonce).answer({ scram, iterations });
  await answer(good);
  for (const [title, scram] of [
    ["nothing", ""], ["another nonce", good.replace(nonce, "m".repeat(24))], ["no nonce of the broker's", good.replace(more, "")], ["a short one", good.replace(more, "x".repeat(15))], ["a nonce with a space", good.replace(more, " ".repeat(16))],
    ["no salt", good.replace("s=kJGSk5SVlpeYmZqbnJ2enw==,", "")], ["a salt that is none", good.replace("kJGS", "?")], ["a salt in another form", good.replace("nw==", "nx==")], ["an empty salt", good.replace("kJGSk5SVlpeYmZqbnJ2enw==", "")],
    ["few iterations", good.replace("100000", "99999")], ["many iterations", good.replace("100000", "5000001")], ["iterations that are none", good.replace("100000", "1e6")], ["a demanded extension", `m=1,${good}`], ["one behind", `${good},m=1`],
    ["an attribute without a value", `${good},x=`],
  ] as const) {
    await assert.rejects(answer(scram), (error) => error instanceof ProtocolViolation && error.code === CloseCode.MechanismRefused, title);
  }

  await assert.rejects(answer(good, 50_000), ProtocolViolation, "few iterations for the keys");
  const twice = new ScramClientExchange("ada", "correct horse", undefined, nonce);
  await twice.answer({ scram: good, iterations: undefined });
  await assert.rejects(twice.answer({ scram: good, iterations: undefined }), ProtocolViolation, "a second challenge");
});

test("server-final is checked, whatever it is", async () => {
  const exchange = new ScramClientExchange("ada", "correct horse", undefined, "n".repeat(24));
  assert.equal(exchange.isRight("v=IvROOzpKKVNM9Kd9unbBR0+mo9fDxdyUlY8LNelLuWY="), false, "before a challenge");
  await exchange.answer({ scram: `r=${"n".repeat(24)}${"x".repeat(16)},s=kJGSk5SVlpeYmZqbnJ2enw==,i=100000`, iterations: undefined });
  for (const bad of [undefined, "", "v=", "v=AAAA", "e=other-error", "v=IvROOzpKKVNM9Kd9unbBR0+mo9fDxdyUlY8LNelLuWY="]) {
    assert.equal(exchange.isRight(bad), false);
  }
});

/** The client's nonce, and a challenge that answers it. */
function challengeFor(scram: string, offers = "PLAIN SCRAM-SHA-256"): ControlMap {
  return new ControlMap().set("scram", `r=${scram.split("r=")[1]!}${"x".repeat(18)},s=kJGSk5SVlpeYmZqbnJ2enw==,i=100000,o=${offers}`);
}

test("a password is proven, never shown, and a broker that does not prove itself in turn is not believed", async () => {
  const broker = new FakeBroker();
  const client = broker.start({ url: SECURE, name: "ada", password: "correct horse", passwordMechanism: "preferScram" });
  await settle();
  await broker.now.open();
  const hello = broker.now.hello;
  assert.deepEqual([hello.get("name"), hello.get("password")], [undefined, undefined]);
  await broker.now.give(writeFrame(FrameType.Challenge, 0, challengeFor(hello.text("scram")!).toBytes()));
  await until(() => broker.now.of(FrameType.Proof).length === 1);
  await broker.now.give(writeFrame(FrameType.Welcome, 0, welcomeMap().set("scram", `v=${btoa("\0".repeat(32))}`).toBytes()));
  const { lastClose } = await client.closed;
  assert.equal(lastClose?.code, CloseCode.MechanismRefused);
  assert.equal(broker.connections.length, 1);
});

test("a Welcome without a Challenge is not believed", async () => {
  const broker = new FakeBroker();
  const client = broker.start({ url: SECURE, name: "ada", password: "correct horse", passwordMechanism: "preferScram" });
  await settle();
  await broker.now.welcome();
  assert.equal((await client.closed).lastClose?.code, CloseCode.MechanismRefused);
});

for (const [title, mechanism, url, falls] of [
  ["over TLS it is shown", "preferScram", SECURE, true],
  ["on this machine it is shown", "preferScram", "ws://127.0.0.1:1/ws", true],
  ["where others can listen it is not", "preferScram", "ws://192.0.2.1/ws", false],
  ["who says never means never", "scram", SECURE, false],
] as const) {
  test(`a broker that takes no proofs: ${title}`, async () => {
    const broker = new FakeBroker();
    const client = broker.start({ url, name: "ada", password: "correct horse", passwordMechanism: mechanism });
    await settle();
    await broker.now.open();
    await broker.now.break(CloseCode.MechanismRefused);
    await settle();
    if (falls) {
      assert.equal(broker.connections.length, 2);
      await broker.now.open();
      assert.equal(broker.now.hello.text("password"), "correct horse");
    } else {
      assert.equal((await client.closed).lastClose?.code, CloseCode.MechanismRefused);
      assert.equal(broker.connections.length, 1);
    }
  });
}

test("a wrong proof is tried as it is only where the broker says PLAIN: it may have nothing to check it with yet", async () => {
  for (const [offers, attempts] of [["PLAIN SCRAM-SHA-256", 2], ["SCRAM-SHA-256", 1]] as const) {
    const broker = new FakeBroker();
    broker.start({ url: SECURE, name: "ada", password: "correct horse", passwordMechanism: "preferScram" });
    await settle();
    await broker.now.open();
    await broker.now.give(writeFrame(FrameType.Challenge, 0, challengeFor(broker.now.hello.text("scram")!, offers).toBytes()));
    await until(() => broker.now.of(FrameType.Proof).length === 1);
    await broker.now.break(CloseCode.BadCredentials);
    await settle();
    assert.equal(broker.connections.length, attempts);
  }
});

test("a password that none may have does not leave the client", async () => {
  const broker = new FakeBroker();
  const client = broker.start({ url: SECURE, name: "ada", password: "short", register: true, passwordMechanism: "preferScram" });
  assert.equal((await client.closed).lastClose?.code, CloseCode.PasswordInvalid);
  const there = await broker.connected();
  await assert.rejects(there.changePassword("correct horse", "short"), (error) => error instanceof RequestError && error.code === ErrorCode.PasswordInvalid);
});

test("another password is proven on the connection that asks for it", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected({ url: SECURE, passwordMechanism: "preferScram" });
  const changing = client.changePassword("correct horse", "battery staple");
  await settle();
  const begin = broker.now.last(FrameType.BeginProof);
  const body = ControlMap.parse(begin.body);
  assert.equal(body.flag("changes"), true);
  await broker.now.reply(begin.request, challengeFor(body.text("scram")!).set("iterations", 100_000));
  await until(() => broker.now.of(FrameType.ChangePassword).length === 1);
  const request = broker.now.last(FrameType.ChangePassword);
  const sent = ControlMap.parse(request.body);
  assert.deepEqual([sent.get("password"), sent.get("new"), sent.bytes("stored_key")?.length, sent.bytes("server_key")?.length], [undefined, undefined, 32, 32]);
  const failed = assert.rejects(changing, (error) => error instanceof RequestError && error.code === ErrorCode.MechanismRefused);
  await broker.now.reply(request.request, new ControlMap().set("ended", 1).set("scram", `v=${btoa("\0".repeat(32))}`));
  await failed;
});

test("a broker that takes no proof on a connection is shown the password, where that is allowed", async () => {
  const broker = new FakeBroker();
  const client = await broker.connected({ url: SECURE, passwordMechanism: "preferScram" });
  const erasing = client.eraseAccount("correct horse");
  await settle();
  await broker.now.give(failure(FrameType.Error, broker.now.last(FrameType.BeginProof).request, ErrorCode.MechanismRefused));
  await settle();
  const request = broker.now.last(FrameType.ErasePerson);
  assert.equal(ControlMap.parse(request.body).text("password"), "correct horse");
  await broker.now.reply(request.request, new ControlMap().set("state", "running"));
  assert.equal((await erasing).state, "running");
});
