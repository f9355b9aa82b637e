// alien-signals on node: the suites of suites.py and more_suites.py once more, and the same lines as worker.py.

import readline from "node:readline";
import { computed, effect, endBatch, signal, startBatch } from "alien-signals";

const api = { computed, effect };
const ran = { computeds: 0, effects: 0 };
const counted = {
  computed: (fn) => computed(() => (ran.computeds++, fn())),
  effect: (fn) => effect(() => (ran.effects++, fn())),
};

const range = (n) => Array.from({ length: n }, (_, i) => i);
const watch = (api, read) => api.effect(() => void read());
const sum = (reads) => reads.map((read) => read()).reduce((a, b) => a + b, 0);

function busy() {
  for (let i = 0; i < 100; i++);
}

// Writes 0 to n - 1, each followed by a read.
const sweep = (head, n, read) => () => {
  let total = 0;
  for (let i = 0; i < n; i++) {
    head(i);
    total += read();
  }
  return total;
};

function avoidable(api) {
  const head = signal(0);
  const first = api.computed(() => head());
  const second = api.computed(() => (first(), 0));
  const third = api.computed(() => (busy(), second() + 1));
  const fourth = api.computed(() => third() + 2);
  const fifth = api.computed(() => fourth() + 3);
  api.effect(() => (fifth(), busy()));
  return sweep(head, 1000, fifth);
}

function broad(api) {
  const head = signal(0);
  let last = head;
  for (const i of range(50)) {
    const current = api.computed(() => head() + i);
    const next = api.computed(() => current() + 1);
    watch(api, next);
    last = next;
  }
  return sweep(head, 50, last);
}

function deep(api) {
  const head = signal(0);
  let last = head;
  for (const _ of range(50)) {
    const below = last;
    last = api.computed(() => below() + 1);
  }
  watch(api, last);
  return sweep(head, 50, last);
}

function diamond(api) {
  const head = signal(0);
  const current = range(5).map(() => api.computed(() => head() + 1));
  const joined = api.computed(() => sum(current));
  watch(api, joined);
  return sweep(head, 500, joined);
}

function mux(api) {
  const heads = range(100).map(() => signal(0));
  const joined = api.computed(() => Object.fromEntries(heads.map((head) => head()).entries()));
  const ends = range(100)
    .map((i) => api.computed(() => joined()[i]))
    .map((read) => api.computed(() => read() + 1));
  for (const end of ends) watch(api, end);
  return () => {
    let total = 0;
    for (const factor of [1, 2]) {
      for (let i = 0; i < 10; i++) {
        heads[i](i * factor);
        total += ends[i]();
      }
    }
    return total;
  };
}

function repeated(api) {
  const head = signal(0);
  const current = api.computed(() => {
    let result = 0;
    for (let i = 0; i < 30; i++) result += head();
    return result;
  });
  watch(api, current);
  return sweep(head, 100, current);
}

function triangle(api) {
  const head = signal(0);
  const chain = [];
  let current = head;
  for (const _ of range(10)) {
    const below = current;
    chain.push(below);
    current = api.computed(() => below() + 1);
  }
  const joined = api.computed(() => sum(chain));
  watch(api, joined);
  return sweep(head, 100, joined);
}

function unstable(api) {
  const head = signal(0);
  const double = api.computed(() => head() * 2);
  const inverse = api.computed(() => -head());
  const current = api.computed(() => {
    let result = 0;
    for (let i = 0; i < 20; i++) result += head() % 2 ? double() : inverse();
    return result;
  });
  watch(api, current);
  return sweep(head, 100, current);
}

const cellx = (layers) => (api) => {
  const start = [1, 2, 3, 4].map((value) => signal(value));
  let layer = start;
  for (const _ of range(layers)) {
    const [one, two, three, four] = layer;
    layer = [
      api.computed(() => two()),
      api.computed(() => one() - three()),
      api.computed(() => two() + four()),
      api.computed(() => three()),
    ];
    for (const cell of layer) watch(api, cell);
  }
  return () => {
    let total = 0;
    for (const values of [[4, 3, 2, 1], [1, 2, 3, 4]]) {
      startBatch();
      values.forEach((value, i) => start[i](value));
      endBatch();
      layer.forEach((cell, i) => (total += (i + 1) * cell()));
    }
    return total;
  };
};

function chance() {
  let state = 1;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

function rectangleRow(api, row, shape, draw) {
  return range(shape.width).map((index) => {
    const mine = range(shape.sources).map((k) => row[(index + k) % shape.width]);
    if (draw() < shape.static) {
      return api.computed(() => {
        let total = 0;
        for (const read of mine) total += read();
        return total;
      });
    }
    const [first, ...tail] = mine;
    return api.computed(() => {
      let total = first();
      const drop = total & 1 ? total % tail.length : -1;
      for (let k = 0; k < tail.length; k++) if (k !== drop) total += tail[k]();
      return total;
    });
  });
}

const dynamic = (width, rows, fixed, sources, read, iterations) => (api) => {
  const signals = range(width).map((i) => signal(i));
  const draw = chance();
  let row = signals;
  for (const _ of range(rows - 1)) row = rectangleRow(api, row, { width, static: fixed, sources }, draw);
  const leaves = [...row];
  for (const _ of range(Math.round(row.length * (1 - read)))) leaves.splice(Math.floor(draw() * leaves.length), 1);
  const readAll = () => {
    for (const leaf of leaves) leaf();
  };
  api.effect(readAll);
  return () => {
    for (const again of [0, 1]) {
      for (let i = 0; i < iterations; i++) {
        const index = i % width;
        signals[index](i + index + again);
        readAll();
      }
    }
    return sum(leaves);
  };
};

const createSignals = () => () => sum(range(1000).map((i) => signal(i)));

function createComputeds(api) {
  const reads = range(1000).map((i) => signal(i));
  return () => sum(reads.map((read) => api.computed(() => read() + 1)));
}

function createEffects(api) {
  const reads = range(1000).map((i) => signal(i));
  return () => {
    const seen = [];
    const stops = reads.map((read) => api.effect(() => void seen.push(read())));
    for (const stop of stops) stop();
    return seen.reduce((a, b) => a + b, 0);
  };
}

function sparse(api) {
  let seen = 0;
  const writes = range(100_000).map((i) => {
    const cell = signal(0);
    if (i % 10 === 0) api.effect(() => void (seen += cell()));
    return cell;
  });
  return () => {
    seen = 0;
    for (const value of [1, 2]) for (let j = 0; j < 500; j++) writes[(j * 7919) % 100_000](value);
    return seen;
  };
}

const lattice = (depth) => (api) => {
  const head = signal(0);
  let row = range(10).map(() => head);
  for (const _ of range(depth)) {
    const below = row;
    row = range(10).map((i) => api.computed(() => (below[i]() + below[(i + 1) % 10]()) % 1_000_003));
  }
  for (const cell of row) watch(api, cell);
  return sweep(head, 20, row[0]);
};

const SUITES = {
  avoidable, broad, deep, diamond, mux, repeated, triangle, unstable,
  cellx10: cellx(10), cellx100: cellx(100), cellx1000: cellx(1000),
  "simple component": dynamic(10, 5, 1, 2, 0.2, 100),
  "dynamic component": dynamic(10, 10, 3 / 4, 6, 0.2, 50),
  "large web app": dynamic(1000, 12, 0.95, 4, 1, 20),
  "wide dense": dynamic(1000, 5, 1, 25, 1, 10),
  "deep rectangle": dynamic(5, 500, 1, 3, 1, 5),
  "very dynamic": dynamic(100, 15, 0.5, 6, 1, 10),
  "create signals": createSignals, "create computeds": createComputeds, "create effects": createEffects,
  "sparse 100k": sparse, "lattice 4": lattice(4), "lattice 14": lattice(14),
};

const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

// Whole steps until the budget is spent, in handfuls long enough for the clock; the fastest handful counts.
function fastest(step, budget) {
  let best = Infinity;
  for (let spent = 0; spent < budget; ) {
    const began = seconds();
    let steps = 0;
    do {
      step();
      steps++;
    } while (seconds() - began < 0.004);
    const took = seconds() - began;
    best = Math.min(best, took / steps);
    spent += took;
  }
  return best;
}

function memory() {
  const number = 5000;
  const reads = range(number).map(() => signal(0));
  const weigh = (make) => {
    make(0);
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    const held = range(number).map(make);
    globalThis.gc();
    return (process.memoryUsage().heapUsed - before) / held.length - 8;
  };
  const pulled = (fn) => (fn(), fn);
  const singles = reads.map((read) => () => void read());
  const fan = (size) => range(500).map((k) => () => reads.slice(k, k + size).map((read) => read()));
  const observed = (fns) => (k) => {
    const read = computed(fns[k % 500]);
    return [read, effect(() => void read())];
  };
  const [narrow, wide] = [fan(1), fan(11)];
  weigh((k) => observed(wide)(k)); // warm
  const results = {
    signal: weigh(() => signal(0)),
    computed: weigh((k) => pulled(computed(singles[k]))),
    effect: weigh((k) => effect(singles[k])),
  };
  const one = weigh(observed(narrow));
  const eleven = weigh(observed(wide));
  results.edge = (eleven - one) / 10 - 16; // the computed's own result has ten elements more, too
  return results;
}

let step;
const orders = {
  count({ suite }) {
    const counting = SUITES[suite](counted);
    counting();
    ran.computeds = ran.effects = 0;
    const began = seconds();
    const check = counting();
    return { check, ...ran, seconds: seconds() - began };
  },
  build({ suite }) {
    step = SUITES[suite](api);
    const began = seconds();
    while (seconds() - began < 0.3) step(); // until it is compiled
    return {};
  },
  time({ budget }) {
    return { seconds: fastest(step, budget) };
  },
  memory,
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  if (order.do !== "time") step = undefined;
  let answer;
  try {
    answer = orders[order.do](order);
  } catch (error) {
    answer = { error: String(error).slice(0, 80) };
  }
  console.log(JSON.stringify(answer));
}
