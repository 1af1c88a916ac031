// The push client against a scripted gateway: hello, resume, holes, closed lines, commands.
import assert from "node:assert/strict";
import { test } from "node:test";
import { backOff, PushClient } from "../../../../web/static/js/push.js";

class Line {
  constructor() {
    this.sent = [];
    this.readyState = 1;
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  drop(code) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

/** A client whose lines and events are kept; `next()` waits for its next line. */
function set({ ticket = async () => ({ ticket: "t", url: "ws://x/" }) } = {}) {
  const lines = [];
  const heard = { link: [], messages: [], snapshots: [] };
  const client = new PushClient({
    ticket,
    random: () => 0,
    open: () => {
      lines.push(new Line());
      return lines.at(-1);
    },
    on: {
      link: (state) => heard.link.push(state),
      snapshot: (message) => heard.snapshots.push(message),
      message: (message) => heard.messages.push(message.seq),
    },
  });
  const wait = async (count) => {
    for (let tries = 0; lines.length < count; tries += 1) {
      assert.ok(tries < 400, "no line was opened");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    lines[count - 1].onopen();
    return lines[count - 1];
  };
  return { client, lines, heard, wait };
}

async function started(made) {
  made.client.start();
  const line = await made.wait(1);
  line.say({ type: "ready", session: "s", topics: [], resumed: false });
  line.say({ type: "snapshot", seq: 5, at: "t", data: {} });
  return line;
}

test("says hello with the ticket and takes the snapshot's number", async () => {
  const made = set();
  const line = await started(made);
  assert.deepEqual(line.sent[0], { type: "hello", ticket: "t" });
  line.say({ v: 1, seq: 6, type: "notice", data: {} });
  assert.deepEqual(made.heard.messages, [6]);
  assert.deepEqual(made.heard.link, ["connecting", "connected"]);
  made.client.stop();
});

test("resumes where it was after a broken line, and drops what comes twice", async () => {
  const made = set();
  (await started(made)).drop(1006);
  const line = await made.wait(2);
  assert.deepEqual(line.sent[0].resume, { session: "s", seq: 5 });
  line.say({ type: "ready", session: "s", topics: [], resumed: true });
  for (const seq of [5, 6, 6, 7]) line.say({ v: 1, seq, type: "notice", data: {} });
  assert.deepEqual(made.heard.messages, [6, 7]);
  made.client.stop();
});

test("a hole in the numbers leads to a fresh snapshot, never to a wrong picture", async () => {
  const made = set();
  (await started(made)).say({ v: 1, seq: 8, type: "notice", data: {} });
  const line = await made.wait(2);
  assert.equal("resume" in line.sent[0], false);
  assert.deepEqual(made.heard.messages, []);
  made.client.stop();
});

test("rights that changed are read anew; a refusal is final", async () => {
  const made = set();
  (await started(made)).drop(4003);
  const line = await made.wait(2);
  assert.equal("resume" in line.sent[0], false);
  assert.ok(made.heard.link.includes("rights_changed"));
  line.drop(4002);
  assert.equal(made.heard.link.at(-1), "denied");
  assert.equal(made.client.stopped, true);
  made.client.stop();
});

test("who is signed out asks no more", async () => {
  const made = set({
    ticket: async () => {
      throw { signedOut: true };
    },
  });
  made.client.start();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(made.heard.link.at(-1), "signed_out");
  assert.equal(made.lines.length, 0);
  made.client.stop();
});

test("a command is answered by its number, refused with its reason, and lost with the line", async () => {
  const made = set();
  const line = await started(made);
  const good = made.client.command("call.dial", { number: "1" });
  const bad = made.client.command("call.hangup", {});
  const lost = made.client.command("call.note", {});
  const [one, two] = line.sent.slice(-3);
  line.say({ re: two.id, ok: false, error: { code: "call_over", message: "" } });
  line.say({ re: one.id, ok: true, data: { call_id: "c" } });
  assert.deepEqual(await good, { call_id: "c" });
  await assert.rejects(bad, { code: "call_over" });
  line.drop(1006);
  await assert.rejects(lost, { code: "offline" });
  made.client.stop();
});

test("topics are asked for again after every connection", async () => {
  const made = set();
  const line = await started(made);
  made.client.subscribe("wallboard").catch(() => {});
  line.drop(1001);
  const again = await made.wait(2);
  again.say({ type: "ready", session: "s2", topics: [], resumed: false });
  assert.deepEqual(again.sent.at(-1).data, { topic: "wallboard" });
  made.client.stop();
});

test("waits longer each time, up to a bound, and never in step with others", () => {
  assert.ok(backOff(0, () => 0.5) < backOff(3, () => 0.5));
  assert.equal(backOff(30, () => 1), 30_100);
  assert.notEqual(backOff(5, () => 0.1), backOff(5, () => 0.9));
});
