// Snapshot + messages = fresh snapshot, for somebody with a phone of the own and for somebody who watches the board.
import assert from "node:assert/strict";
import { test } from "node:test";
import { agentKey, apply, concerns, fresh, nothing, snapshotOf } from "../../../../web/static/js/reducer.js";

const leg = (extension, more = {}) => ({ extension, rang_at: "t1", answered_at: null, ended_at: null, outcome: null, ...more });
const call = (id, more = {}) => ({ id, direction: "inbound", state: "ringing", agents: [], legs: [leg("1001")], caller_number: "138", ...more });
const pop = (id, more = {}) => ({ call_id: id, number: "138", matches: null, ...more });
const message = (type, data, at = "t9") => ({ v: 1, seq: 1, type, topic: "agent:1001", at, data });
const play = (own, ...messages) => messages.reduce(apply, nothing(own));
const sorted = (state) => JSON.parse(JSON.stringify(snapshotOf(state)));

test("a pop that rings, is filled in and taken back leaves nothing", () => {
  const shown = play("1001", message("call.ringing", call("c")), message("pop.show", pop("c")));
  assert.equal(shown.pops.c.at, "t9");
  const filled = apply(shown, message("pop.update", { call_id: "c", matches: [{ customer: { id: "k" } }] }));
  assert.equal(filled.pops.c.matches.length, 1);
  assert.equal(filled.pops.c.number, "138");
  const hidden = apply(filled, message("pop.hide", { call_id: "c", reason: "answered_elsewhere", by: "1002" }));
  assert.deepEqual(sorted(hidden), sorted(nothing()));
});

test("an update for a pop that is gone changes nothing", () => {
  const state = play("1001");
  assert.equal(apply(state, message("pop.update", { call_id: "c", matches: [] })), state);
});

test("a call through answer, hold and end is the snapshot's at every step", () => {
  const answered = call("c", { state: "talking", agents: ["1001"], legs: [leg("1001", { answered_at: "t2" })] });
  const steps = [
    ["call.answered", answered],
    ["call.held", { ...answered, state: "held" }],
    ["call.resumed", answered],
  ];
  let state = play("1001", message("pop.show", pop("c")));
  for (const [type, data] of steps) {
    state = apply(state, message(type, data));
    assert.deepEqual(sorted(state), sorted(fresh({ calls: [data], pops: [{ ...pop("c"), at: "t9" }] }, "1001")));
  }
  state = apply(state, message("call.ended", { ...answered, state: "ended" }));
  assert.deepEqual(sorted(state), sorted(nothing()));
});

test("a call that goes on with a colleague leaves the own screen but stays on the board", () => {
  const own = call("c", { agents: ["1001"], legs: [leg("1001", { answered_at: "t2" })] });
  const gone = call("c", { agents: ["1001", "1002"], legs: [leg("1001", { answered_at: "t2", ended_at: "t5" }), leg("1002")] });
  const messages = [message("call.answered", own), message("call.transferred", gone)];
  assert.deepEqual(play("1001", ...messages).calls, {});
  assert.deepEqual(Object.keys(play(null, ...messages).calls), ["c"]);
  assert.deepEqual(sorted(play("1001", ...messages)), sorted(fresh({ calls: [gone] }, "1001")));
});

test("two ids that turn out to be one call keep one", () => {
  const state = play("1001", message("pop.show", pop("a")), message("call.ringing", call("a")));
  const merged = [message("call.merged", { id: "a", into: "b" }), message("pop.show", pop("b", { replaces: "a" }))];
  const end = merged.reduce(apply, state);
  assert.deepEqual(Object.keys(end.pops), ["b"]);
  assert.deepEqual(Object.keys(end.calls), []);
});

test("agents and queues are replaced whole, and two PBXs do not mix", () => {
  const one = { pbx: "main", extension: "1001", state: "idle" };
  const other = { pbx: "branch", extension: "1001", state: "talking" };
  const state = play(null, message("agent.state", one), message("agent.state", other), message("queue.state", { queue: "sales", waiting: [1] }), message("queue.state", { queue: "sales", waiting: [] }));
  assert.equal(Object.keys(state.agents).length, 2);
  assert.equal(state.agents[agentKey(one)].state, "idle");
  assert.deepEqual(Object.values(state.queues), [{ queue: "sales", waiting: [] }]);
});

test("what it does not know it leaves alone", () => {
  const state = play("1001");
  assert.equal(apply(state, message("sms.received", { id: "x" })), state);
  assert.equal(apply(state, message("notice", {})), state);
});

test("a call concerns who dialled it, also before any leg is known", () => {
  assert.equal(concerns(call("c", { direction: "outbound", caller_number: "1001", legs: [] }), "1001"), true);
  assert.equal(concerns(call("c", { legs: [leg("1002")] }), "1001"), false);
});

test("messages never change the state they are applied to", () => {
  const before = play("1001", message("pop.show", pop("c")));
  const copy = structuredClone(before);
  apply(before, message("pop.update", { call_id: "c", matches: [] }));
  apply(before, message("call.ended", call("c")));
  assert.deepEqual(before, copy);
});
