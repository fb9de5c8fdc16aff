// The closed loop of load.py, over Restate's ingress. INGRESS_PORT: where it listens.
import http from "node:http";
import { parseArgs } from "node:util";

const CHAIN_STEPS = 40;
const WARM_UP_RUNS = 20;
const ENOUGH = 3;
const ORDER = { id: 1, sku: "a-1", count: 2, cents: 4990 };
const agent = new http.Agent({ keepAlive: true, maxSockets: 1000 });
const port = Number(process.env.INGRESS_PORT);
const said = parseArgs({
  options: { window: { type: "string" }, runs: { type: "string" }, scenarios: { type: "string" } },
  allowPositionals: true,
});
const scenarios = new Set([said.values.scenarios, ...said.positionals]);
const [windowS, runs] = [Number(said.values.window), Number(said.values.runs)];

function call(path, body) {
  const data = JSON.stringify(body);
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(data) };
  return new Promise((resolve, reject) => {
    const asked = http.request({ host: "127.0.0.1", port, path, method: "POST", headers, agent }, (answer) => {
      answer.resume();
      answer.on("end", () => {
        if (answer.statusCode < 300) resolve();
        else reject(new Error(`${path}: ${answer.statusCode}`));
      });
    });
    asked.on("error", reject);
    asked.end(data);
  });
}

function begin(kind) {
  if (kind === "flow") return call("/bench/flow", ORDER);
  return call("/bench/chain", kind === "chain" ? CHAIN_STEPS : 1);
}

const quantile = (times, part) => times[Math.min(times.length - 1, Math.round(part * (times.length - 1)))];

function say(name, unit, value, times) {
  times.sort((one, other) => one - other);
  const row = { name, unit, value: value ?? quantile(times, 0.5), p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  console.log(JSON.stringify({ ...row, runs: times.length, loop: "closed" }));
}

async function alone(kind, count) {
  const times = [];
  for (let number = 0; number < count + WARM_UP_RUNS; number++) {
    const began = performance.now();
    await begin(kind);
    if (number >= WARM_UP_RUNS) times.push(performance.now() - began);
  }
  return times;
}

async function many(kind, inFlight) {
  const [times, allTimes] = [[], []];
  const first = performance.now();
  const began = first + (windowS * 1000) / 5;
  const until = began + windowS * 1000;
  const client = async () => {
    for (let now = performance.now(); now < until; now = performance.now()) {
      await begin(kind);
      const ended = performance.now();
      allTimes.push(ended - now);
      if (ended >= began && ended < until) times.push(ended - now);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, client));
  // As load.py says: where few ended in the window, all that were begun count, until the last has ended.
  if (times.length < ENOUGH * inFlight) return [allTimes.length / ((performance.now() - first) / 1000), allTimes];
  return [times.length / windowS, times];
}

if (scenarios.has("chain")) say("chain_40", "ms", null, (await alone("chain", runs)).map((ms) => ms / CHAIN_STEPS));
for (const [scenario, name, count] of [["one", "one_step", runs * 5], ["flow", "flow_9", runs]]) {
  if (!scenarios.has(scenario)) continue;
  say(name, "ms", null, await alone(scenario, count));
  for (const inFlight of [50, 500]) {
    const [rate, times] = await many(scenario, inFlight);
    say(`${name}_${inFlight}`, "runs/s", rate, times);
  }
}
agent.destroy();
