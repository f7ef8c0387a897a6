// @ts-check
/**
 * The connection to a live roll call: it comes back by itself, and misses nothing.
 *
 * @typedef {{event: string, data: Record<string, any>, classId?: string, seq?: number, ref?: string}} Frame
 * @typedef {"connecting" | "away" | "ready" | "signed-out" | "crowded"} State
 */

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8000;
/** A connection on which a question stays unanswered for as long is taken for dead. */
const PATIENCE = 10_000;
const UNAUTHORIZED = "Unauthorized or invalid token";
const UNAVAILABLE = "Service Unavailable";
const TOO_MANY = "Too many sockets";

export class Live {
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #watch;
  #pause = FIRST_PAUSE;
  #ended = false;
  #why = "";

  /**
   * @param {string} classId The class; empty where none is live, and one that begins is waited for.
   * @param {number} seq Number of the last change that the page shows.
   * @param {(frame: Frame) => void} onFrame
   * @param {(state: State) => void} onState
   * @param {(classId: string) => void} onStarted A roll call of another class has begun.
   */
  constructor(classId, seq, onFrame, onState, onStarted = () => undefined) {
    this.classId = classId;
    this.seq = seq;
    this.onFrame = onFrame;
    this.onState = onState;
    this.onStarted = onStarted;
    /** @type {State} */
    this.state = "connecting";
    addEventListener("online", () => this.#again(0));
    addEventListener("offline", () => this.#drop());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && !this.#socket) this.#again(0);
    });
    // Whoever makes this object knows it by then.
    this.#again(0);
  }

  get ready() {
    return this.state === "ready";
  }

  /** @param {object} frame */
  send(frame) {
    this.#socket?.send(JSON.stringify(frame));
    this.#watch ??= setTimeout(() => this.#drop(), PATIENCE);
  }

  /** Let the open connection last as long as a fresh token. @param {string} token */
  renew(token) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.send({ event: "AUTH", data: { token } });
  }

  /** Nothing more is to come. */
  end() {
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#socket?.close();
  }

  #open() {
    if (this.#ended || this.#socket) return;
    if (!navigator.onLine) {
      this.#become("away");
      return;
    }
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const since = this.classId && `&since=${this.classId}:${this.seq}`;
    const socket = new WebSocket(`${scheme}//${location.host}/ws?frames=v1${since}`);
    this.#socket = socket;
    if (!since) socket.onopen = () => this.#become("ready");
    this.#why = "";
    socket.onmessage = (message) => {
      if (socket === this.#socket) this.#take(JSON.parse(message.data));
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#closed();
    };
  }

  /** @param {Frame} frame */
  #take(frame) {
    clearTimeout(this.#watch);
    this.#watch = undefined;
    if (frame.event === "ERROR" && [UNAUTHORIZED, TOO_MANY].includes(frame.data.message)) {
      this.#why = frame.data.message;
      return;
    }
    if (frame.event === "ERROR" && !frame.ref && !this.ready && frame.data.message === UNAVAILABLE) {
      // The server cannot say now what was missed.
      return this.#drop();
    }
    if (frame.classId && frame.classId !== this.classId) {
      if (frame.event === "SESSION_STARTED") this.onStarted(frame.classId);
      return;
    }
    if (frame.seq) this.seq = Math.max(this.seq, frame.seq);
    if (frame.event === "RESUMED") {
      this.#pause = FIRST_PAUSE;
      this.#become("ready");
    } else {
      this.onFrame(frame);
    }
  }

  #closed() {
    clearTimeout(this.#watch);
    this.#watch = undefined;
    this.#socket = null;
    if (this.#ended) return;
    const signedOut = this.#why === UNAUTHORIZED;
    if (this.#why === TOO_MANY) this.#pause = LONGEST_PAUSE;
    this.#become(signedOut ? "signed-out" : this.#why ? "crowded" : "away");
    // Who signs in again in another window goes on here by coming back to this one.
    if (!signedOut) this.#again(this.#pause * (0.5 + Math.random()));
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }

  /** Let go of a connection that cannot be trusted, without waiting for its end. */
  #drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#closed();
    socket.close();
  }

  /** @param {number} milliseconds */
  #again(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), milliseconds);
  }

  /** @param {State} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.onState(state);
  }
}
