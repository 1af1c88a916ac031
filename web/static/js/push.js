/* The push client: one websocket to the gateway, kept alive.

   The client says   {"type": "hello", "ticket": T, "resume": {"session": S, "seq": N}}      (resume when there is one)
   the gateway       {"type": "ready", "session": S, "user": …, "topics": […], "resumed": true|false}
   unless resumed    {"type": "snapshot", "seq": N, "at": ISO, "data": {
                        "calls":  live calls with legs, as in GET /api/v1/calls/{id}, with "state": new, queued, ringing,
                                  talking or held; an agent gets those with a leg of the own extension,
                        "pops":   pops of the own extension, the data of pop.show and "at"; open from the ring until
                                  pop.hide or call.ended, so a reload in mid-call shows the matches again,
                        "unseen": pops that were shown and taken back while nobody looked, with "hidden": {reason, by, at},
                        "agents": {"pbx", "extension", "name", "state", "since": ISO, "reason", "call_id", "number",
                                  "customer", "queue", "queues": [names]}; an agent gets the own one; state is available,
                                  ringing, dialing, talking, hold, wrap_up, paused or offline,
                        "queues": {"pbx", "queue", "waiting": [{"call_id", "number", "since", "position"}],
                                  "members": count, "available": count}; an agent gets the own ones}}
   then              {"v": 1, "seq": N+1, "type": …, "topic": …, "at": ISO, "data": {…}}
   where agent.state and queue.state carry one whole entry of the lists above and call.* the call as above: any of them
   adds or updates, call.ended removes, call.merged {id, into} joins two; pop.show with "replaces" renames a pop.

   Commands: call.dial {number | customer_id}, call.hangup {call_id}, call.note {call_id, text},
   call.progress {call_id, progress}, call.listen {call_id, mode}, agent.state {status, reason}, subscribe {topic}.
   {"type": "ping"} is answered by {"type": "pong"}.

   A pop: call_id, number (null when hidden), called_number, queue, waited_seconds, transferred_from(_name), region, carrier,
   earlier_calls, matches: null or [{"customer": {"id", "name", "age", "place", "owner", …}, "reason", "reasons", "score"}]. */

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
const PING_EVERY = 25_000;
const PING_DEADLINE = 6_000;
const COMMAND_DEADLINE = 15_000;

/** Full jitter: a thousand browsers must not come back in the same second. */
export function backOff(attempt, random) {
  return 100 + random() * Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt);
}

export class PushClient {
  /** `ticket()` answers {ticket, url} or throws {signedOut: true}; `on` has link(state), snapshot(message), message(message). */
  constructor({ ticket, on, open = (url) => new WebSocket(url), random = Math.random, topics = [] }) {
    Object.assign(this, { ticket, on, open, random });
    this.topics = new Set(topics);
    this.session = null;
    this.seq = 0;
    this.attempt = 0;
    this.commands = new Map();
    this.nextCommand = 1;
    this.socket = null;
    this.timer = null;
    this.deadline = null;
    this.stopped = false;
  }

  start() {
    this.stopped = false;
    this.#connect();
    this.pings = setInterval(() => this.check(), PING_EVERY);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    clearInterval(this.pings);
    this.socket?.close(1000);
  }

  /** Comes back at once, for example when the network or the lid opens again. */
  hurry() {
    if (this.stopped || this.socket) return;
    clearTimeout(this.timer);
    this.attempt = 0;
    this.#connect();
  }

  /** Finds out whether the line still carries anything; a dead one is dropped and resumed. */
  check() {
    const socket = this.socket;
    if (socket?.readyState !== 1) return;
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => this.#drop(socket), PING_DEADLINE);
    this.#send({ type: "ping" });
  }

  /** Sends a command; resolves with its data, rejects with {code, message}. */
  command(type, data) {
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== 1) {
        reject({ code: "offline", message: "" });
        return;
      }
      const id = this.nextCommand++;
      const deadline = setTimeout(() => this.#settle(id, (c) => c.reject({ code: "no_answer", message: "" })), COMMAND_DEADLINE);
      this.commands.set(id, { resolve, reject, deadline });
      this.#send({ id, type, data });
    });
  }

  /** Whether calls of others are watched: then every end of one is told. */
  watching() {
    return [...this.topics].some((topic) => topic !== "intake");
  }

  subscribe(topic) {
    this.topics.add(topic);
    return this.command("subscribe", { topic });
  }

  ack(seq) {
    if (this.socket?.readyState === 1) this.#send({ type: "ack", seq });
  }

  async #connect() {
    this.on.link("connecting");
    let pass;
    try {
      pass = await this.ticket();
    } catch (error) {
      if (error?.signedOut) {
        this.stopped = true;
        this.on.link("signed_out");
        return;
      }
      this.#later();
      return;
    }
    if (this.stopped) return;
    const socket = this.open(pass.url);
    this.socket = socket;
    socket.onopen = () => {
      const resume = this.session ? { session: this.session, seq: this.seq } : undefined;
      this.#send({ type: "hello", ticket: pass.ticket, ...(resume ? { resume } : {}) });
    };
    socket.onmessage = (event) => this.socket === socket && this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => this.socket === socket && this.#closed(event.code);
    socket.onerror = () => {};
  }

  #send(message) {
    this.socket.send(JSON.stringify(message));
  }

  #settle(id, how) {
    const command = this.commands.get(id);
    if (!command) return;
    clearTimeout(command.deadline);
    this.commands.delete(id);
    how(command);
  }

  #receive(message) {
    clearTimeout(this.deadline); // whatever comes proves that the line is alive
    if ("re" in message) {
      this.#settle(message.re, (c) => (message.ok ? c.resolve(message.data) : c.reject(message.error)));
    } else if (message.type === "ready") {
      this.session = message.session;
      this.attempt = 0;
      const given = new Set(message.topics ?? []);
      for (const topic of this.topics) if (!given.has(topic)) this.command("subscribe", { topic }).catch(() => {});
      this.on.link("connected");
    } else if (message.type === "snapshot") {
      this.seq = message.seq;
      this.on.snapshot(message);
    } else if (typeof message.seq === "number") {
      this.#numbered(message);
    }
  }

  #numbered(message) {
    if (message.seq <= this.seq) return; // sent again after a resume
    if (message.seq > this.seq + 1) {
      // A hole: only a fresh snapshot is the truth again.
      this.session = null;
      this.#drop(this.socket);
      return;
    }
    this.seq = message.seq;
    this.on.message(message);
  }

  #drop(socket) {
    if (this.socket !== socket) return;
    socket.close();
    this.#closed(0);
  }

  #closed(code) {
    this.socket = null;
    clearTimeout(this.deadline);
    for (const id of [...this.commands.keys()]) this.#settle(id, (c) => c.reject({ code: "offline", message: "" }));
    if (this.stopped) return;
    if (code === 4002) {
      this.stopped = true;
      this.on.link("denied");
      return;
    }
    if (code === 4003) this.on.link("rights_changed");
    if (code === 4003 || code === 4004) this.session = null;
    this.on.link("offline");
    this.#later();
  }

  #later() {
    if (this.stopped) return;
    this.timer = setTimeout(() => this.#connect(), backOff(this.attempt++, this.random));
  }
}

/** Asks the API for a ticket; the cookie says who we are, the token proves that a page of ours asks. */
export async function fetchTicket(csrf) {
  const answer = await fetch("/api/v1/push-ticket", {
    method: "POST",
    headers: { "X-CSRF-Token": csrf, "Content-Type": "application/json", Accept: "application/json" },
    body: "{}",
  });
  if (answer.status === 401 || answer.status === 403) throw { signedOut: true };
  if (!answer.ok) throw new Error(`no ticket: ${answer.status}`);
  return answer.json();
}
