import { CloseCode } from "../../protocol/CloseCode.js";
import { ControlFormatError, ControlMap } from "../../protocol/control/ControlMap.js";
import { parseChallenge, type Challenge, type ScramClientExchange } from "../../protocol/scram/ScramClientExchange.js";
import { parseWelcome, writeHello, type Hello, type Welcome } from "../../protocol/control/Hello.js";
import { FrameType } from "../../protocol/FrameType.js";
import { FrameReader, HEADER_SIZE, join, type Frame } from "../../protocol/FrameReader.js";
import { beginFrame, writeClose, writeFrame } from "../../protocol/FrameWriter.js";
import { PROTOCOL_VERSION, ProtocolLimits } from "../../protocol/ProtocolLimits.js";
import { ProtocolViolation } from "../../protocol/ProtocolViolation.js";
import type { Clock } from "../Clock.js";
import { CloseReason } from "../ConnectionState.js";
import { report } from "../Emitter.js";
import { HEARTBEAT_BIT } from "../requests/RequestTable.js";
import type { WebSocketConstructor, WebSocketLike } from "./Transport.js";

const HEARTBEAT_DEFAULT = 60_000;
const HEARTBEAT_MIN = 20;

/** How long a connection that is asked for a sign of life has to give one. */
const PROBE_TIMEOUT = 5000;

/** Pongs that wait to be sent. */
const PONGS_MAX = 64;

/** Bytes of one message to the transport, so that a busy sender does not build large ones. */
const WRITE_MAX = 256 * 1024;

/** Bytes that the transport has not sent yet, beyond which nothing that can wait is given to it: a Ping or Subscribe would stand behind them. */
const BUFFERED_MAX = 512 * 1024;

/** How often to look whether the transport has sent some: it does not say so by itself. */
const DRAIN_POLL = 10;

/** What a connection does its work for. */
export interface ConnectionHost {
  readonly clock: Clock;
  /** Handles a frame; the reason when it was a Close. @throws ProtocolViolation when the broker broke the protocol. */
  dispatch(frame: Frame): CloseReason | undefined;
  /** Behind each batch of frames. */
  afterBatch(): void;
  /** The next frame to send; undefined when there is none. `mayWait`: only what is small and urgent goes now. */
  nextFrame(connection: number, isBusy: boolean): Uint8Array<ArrayBuffer> | undefined;
}

/**
 * One WebSocket, from Hello to its end. Whatever ends first decides why the connection ended; afterwards nobody touches the session's queues on its behalf.
 *
 * Nothing is sent between Hello and Welcome, although the protocol allows it: Welcome brings the limits that everything else keeps to, and costs one round trip of a reconnect.
 */
export class ClientConnection {
  /** Fulfilled with the broker's answer to Hello; rejected with a {@link CloseReason} when there is none. */
  readonly welcomed: Promise<Welcome>;

  /** Fulfilled when it has ended, with why. */
  readonly ended: Promise<CloseReason>;

  /** The broker's answer, once the session has it. */
  welcome: Welcome | undefined;

  /** Welcome brought a pair that has to be used once, for the one before it to be worth nothing. */
  mustUseToken = false;

  readonly #host: ConnectionHost;
  readonly #socket: WebSocketLike;
  readonly #reader = new FrameReader(ProtocolLimits.serverFrameSizeMax);
  #onWelcome!: (welcome: Welcome) => void;
  #onNoWelcome!: (reason: CloseReason) => void;
  #onEnd!: (reason: CloseReason) => void;
  #isWelcomed = false;
  #isServing = false;
  #hasEnded = false;

  /** Frames that came behind Welcome, before the session was ready for them. */
  #early: Frame[] = [];
  #pongs: Uint8Array<ArrayBuffer>[] = [];
  #isPingDue = false;
  #pings = 0;
  #heartbeat = HEARTBEAT_DEFAULT;
  #receivedAt: number;
  #sentAt: number;
  #timer: unknown;
  #probeTimer: unknown;
  #drainTimer: unknown;
  #isFlushScheduled = false;

  constructor(
    host: ConnectionHost,
    url: string,
    webSocket: WebSocketConstructor,
    hello: Hello,
    /** The proof of a password that Hello begins; undefined for none. */
    readonly exchange: ScramClientExchange | undefined,
    /** Connections of a client are numbered from 1. */
    readonly number: number,
  ) {
    this.#host = host;
    this.#receivedAt = this.#sentAt = host.clock.now();
    this.welcomed = new Promise((resolve, reject) => ([this.#onWelcome, this.#onNoWelcome] = [resolve, reject]));
    this.ended = new Promise((resolve) => (this.#onEnd = resolve));
    this.welcomed.catch(() => {
      // Who waits for it is told; nobody may be waiting.
    });
    this.#socket = new webSocket(url, ["fastchat.v1"]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => this.#send(writeFrame(FrameType.Hello, 0, writeHello(hello).toBytes()));
    this.#socket.onmessage = (event: { data: unknown }) => this.#onMessage(event.data);
    this.#socket.onerror = () => {
      // A close follows, and it says more.
    };
    this.#socket.onclose = (event: { code?: number; reason?: string }) => this.#onClose(event);
  }

  /** The session has made itself ready: from here on frames are dispatched, and sent. */
  serve(welcome: Welcome): void {
    if (this.#hasEnded) {
      return;
    }

    this.#isServing = true;
    this.#heartbeat = welcome.heartbeatMs === 0 ? HEARTBEAT_DEFAULT : Math.max(HEARTBEAT_MIN, welcome.heartbeatMs);
    this.#beat();
    const early = this.#early;
    this.#early = [];
    this.#guard(() => {
      for (const frame of early) {
        this.#handle(frame);
      }
    });
    this.schedule();
  }

  /** Says Close and ends. The first reason counts. */
  close(reason: CloseReason): void {
    if (this.#hasEnded) {
      return;
    }

    if (this.#socket.readyState === 1) {
      this.#send(writeClose(reason.code === CloseCode.None ? CloseCode.Normal : reason.code, reason.text));
    }

    this.#finish(reason);
  }

  /** There may be something to send: it goes out when the running code has ended, all in one message. */
  schedule(): void {
    if (this.#isServing && !this.#isFlushScheduled && !this.#hasEnded) {
      this.#isFlushScheduled = true;
      queueMicrotask(() => {
        this.#isFlushScheduled = false;
        this.#flush();
      });
    }
  }

  /** Asks for a sign of life, now: a connection that gives none has ended. */
  probe(): void {
    if (!this.#isServing || this.#hasEnded || this.#probeTimer !== undefined) {
      return;
    }

    const askedAt = this.#host.clock.now();
    this.#isPingDue = true;
    this.#flush();
    this.#probeTimer = this.#host.clock.setTimeout(() => {
      this.#probeTimer = undefined;
      if (this.#receivedAt <= askedAt) {
        this.close(new CloseReason(CloseCode.HeartbeatTimeout, "the broker gave no sign of life", 0, true));
      }
    }, PROBE_TIMEOUT);
  }

  /** Queues the answer to a Ping. @throws ProtocolViolation when the broker does not take the answers. */
  pong(request: number, body: Uint8Array): void {
    if (body.length > ProtocolLimits.pingSizeMax || this.#pongs.length >= PONGS_MAX) {
      throw new ProtocolViolation(CloseCode.BadFrame, "a Ping is too long, or too many are unanswered");
    }

    this.#pongs.push(writeFrame(FrameType.Pong, request, body));
    this.schedule();
  }

  #onMessage(data: unknown): void {
    if (this.#hasEnded) {
      return;
    }

    this.#receivedAt = this.#host.clock.now();
    this.#guard(() => {
      if (!(data instanceof ArrayBuffer)) {
        throw new ProtocolViolation(CloseCode.BadFrame, "a text message came");
      }

      for (const frame of this.#reader.push(new Uint8Array(data))) {
        this.#handle(frame);
        if (this.#hasEnded) {
          return;
        }
      }

      if (this.#isServing) {
        this.#host.afterBatch();
      }
    });
  }

  /** Runs what may find that the broker broke the protocol. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (failure) {
      if (failure instanceof ProtocolViolation) {
        // Whoever could not prove to be the broker is not given another proof to think about.
        this.close(new CloseReason(failure.code, failure.message, 0, true, failure, failure.code === CloseCode.MechanismRefused));
        return;
      }

      // A defect of this library: half a state is worse than a new connection, and nobody is to overlook it.
      this.close(new CloseReason(CloseCode.Normal, "a defect of the client", 0, true, failure));
      report(failure);
    }
  }

  #handle(frame: Frame): void {
    if (this.#isServing) {
      const closed = this.#host.dispatch(frame);
      if (closed !== undefined) {
        this.#finish(closed);
      }
    } else if (this.#isWelcomed) {
      this.#early.push(frame);
    } else if (frame.type === FrameType.Welcome) {
      const welcome = read(frame, parseWelcome);
      if (welcome.version !== PROTOCOL_VERSION) {
        throw new ProtocolViolation(CloseCode.BadFrame, `a Welcome of version ${welcome.version} came`);
      }

      if (this.exchange !== undefined && !this.exchange.isRight(welcome.scram)) {
        throw new ProtocolViolation(CloseCode.MechanismRefused, "whoever answered did not show that it knows the account: it is not the broker, or not the one where the account was made");
      }

      this.#isWelcomed = true;
      this.#onWelcome(welcome);
    } else if (frame.type === FrameType.Challenge && this.exchange !== undefined) {
      void this.#prove(this.exchange, read(frame, parseChallenge));
    } else if (frame.type === FrameType.Close) {
      this.#finish(this.#host.dispatch(frame)!);
    } else {
      throw new ProtocolViolation(CloseCode.OutOfState, `frame 0x${frame.type.toString(16)} came where Welcome was due`);
    }
  }

  async #prove(exchange: ScramClientExchange, challenge: Challenge): Promise<void> {
    try {
      const proof = await exchange.answer(challenge);
      if (!this.#hasEnded) {
        this.#send(writeFrame(FrameType.Proof, 0, proof.toBytes()));
      }
    } catch (failure) {
      this.#guard(() => {
        throw failure;
      });
    }
  }

  #onClose(event: { code?: number; reason?: string }): void {
    // A Close that came right behind Welcome says more than the status does.
    const early = this.#early.find((frame) => frame.type === FrameType.Close);
    if (early !== undefined) {
      this.#guard(() => this.#finish(this.#host.dispatch(early)!));
      return;
    }

    // The broker says the same number in the close status, for those who lost the frame.
    const code = event.code ?? 0;
    const isSaid = code >= 4000 && code < 5000;
    this.#finish(isSaid ? new CloseReason(code, event.reason ?? "") : new CloseReason(CloseCode.None, "the connection ended, or could not be made, without a word"));
  }

  #finish(reason: CloseReason): void {
    if (this.#hasEnded) {
      return;
    }

    this.#hasEnded = true;
    const { clock } = this.#host;
    for (const timer of [this.#timer, this.#probeTimer, this.#drainTimer]) {
      clock.clearTimeout(timer);
    }

    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(1000);
    } catch {
      // It is closed, or was never open.
    }

    this.#onNoWelcome(reason);
    this.#onEnd(reason);
  }

  /** Half the interval: what was sent just behind one look is followed by a Ping at the second one at the latest. */
  #beat(): void {
    const { clock } = this.#host;
    this.#timer = clock.setTimeout(() => {
      if (clock.now() - this.#receivedAt >= 2 * this.#heartbeat) {
        this.close(new CloseReason(CloseCode.HeartbeatTimeout, "nothing was heard from the broker for two heartbeats", 0, true));
        return;
      }

      if (clock.now() - this.#sentAt >= this.#heartbeat / 4) {
        this.#isPingDue = true;
        this.#flush();
      }

      this.#beat();
    }, this.#heartbeat / 2);
  }

  /** Sends until nothing is left: what is small and urgent first, then publishes, several frames in one message. */
  #flush(): void {
    while (!this.#hasEnded && this.#isServing) {
      const isBusy = this.#socket.bufferedAmount > BUFFERED_MAX;
      const parts = this.#pongs;
      this.#pongs = [];
      if (this.#isPingDue) {
        this.#isPingDue = false;
        parts.push(beginFrame(FrameType.Ping, (HEARTBEAT_BIT | (++this.#pings & 0xffff)) >>> 0, 0));
      }

      let size = parts.length * HEADER_SIZE;
      for (let frame; size < WRITE_MAX && (frame = this.#host.nextFrame(this.number, isBusy)) !== undefined; size += frame.length) {
        parts.push(frame);
      }

      if (parts.length > 0) {
        this.#send(parts.length === 1 ? parts[0]! : join(parts));
      }

      if (isBusy) {
        this.#drainTimer ??= this.#host.clock.setTimeout(() => {
          this.#drainTimer = undefined;
          this.#flush();
        }, DRAIN_POLL);
        return;
      }

      if (size < WRITE_MAX) {
        return;
      }
    }
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#sentAt = this.#host.clock.now();
    try {
      this.#socket.send(bytes);
    } catch (failure) {
      this.#finish(new CloseReason(CloseCode.None, `the transport takes nothing: ${String(failure)}`, 0, false, failure));
    }
  }
}

function read<T>(frame: Frame, parse: (map: ControlMap) => T): T {
  try {
    return parse(ControlMap.parse(frame.body));
  } catch (failure) {
    if (failure instanceof ControlFormatError) {
      throw new ProtocolViolation(CloseCode.BadFrame, `frame 0x${frame.type.toString(16)}: ${failure.message}`);
    }

    throw failure;
  }
}
