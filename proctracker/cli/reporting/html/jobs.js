"use strict";
// The jobs of the page: unpacked, filtered, folded, added up. Nothing here touches the page.

const DATA = JSON.parse(document.getElementById("data").textContent);
const KINDS = ["queued", "held", "running", "suspended", "retry", "unknown", "end"];
const [QUEUED, HELD, RUNNING, SUSPENDED, RETRY, UNKNOWN, END] = KINDS.keys();
const STATES = ["RUNNING", "SUSPENDED", "QUEUED", "QUEUED_HELD", "REQUEUED", "REQUEUED_HELD", "DONE", "FAILED", "UNDETERMINED"];
const TONES = {
  RUNNING: "running", SUSPENDED: "suspended", QUEUED: "queued", QUEUED_HELD: "held", REQUEUED: "retry", REQUEUED_HELD: "retry",
  DONE: "done", FAILED: "failed", UNDETERMINED: "unknown",
};

function unpacked() {
  const text = DATA.words, now = DATA.made - DATA.base;
  return DATA.jobs.map(([num, task, name, session, contact, image, command, host, state, sub, exit, signal, note, wall, cpu, memory,
    bound, attempt, out, err, parts], order) => {
    const job = {
      order, num, task, id: task ? `${num}_${task}` : `${num}`, name: text[name], session: text[session], contact: text[contact],
      image: text[image], command: text[command], host: text[host], state: DATA.states[state], sub: text[sub], exit,
      signal: text[signal], note: text[note], wall, cpu, memory, bound, attempt, out, err, parts: [], end: null, started: null,
    };
    let at = 0;
    for (let i = 0; i < parts.length; i += 2) {
      at += parts[i + 1];
      if (parts[i] === END) job.end = at;
      else job.parts.push({ kind: parts[i], from: at, to: i + 3 < parts.length ? at + parts[i + 3] : Math.max(now, at) });
      if (parts[i] === RUNNING && job.started === null) job.started = at;
    }
    job.from = job.parts.length ? job.parts[0].from : at;
    job.to = job.end === null ? Math.max(now, at) : job.end;
    job.how = job.end === null ? "" : exit !== null ? `${exit}` : job.signal || job.sub || "";
    return job;
  });
}

const JOBS = unpacked();

function lines(numbers) {
  return numbers.map((number) => DATA.words[number]);
}

// What a search looks through, made when first searched.
function textOf(job) {
  if (job.text === undefined) {
    const words = [job.id, job.name, job.command, job.session, job.contact, job.image, job.host, job.sub, job.signal, job.note];
    job.text = [...words, ...lines(job.out), ...lines(job.err)].join("\n").toLowerCase();
  }
  return job.text;
}

function filtered(want) {
  const query = want.query.trim().toLowerCase();
  const id = /^\d+(_\d+)?$/.test(query) ? query : null;
  return JOBS.filter((job) =>
    (!want.states.size || want.states.has(job.state)) && (!want.session || job.session === want.session) &&
    (!want.contact || job.contact === want.contact) &&
    (!query || (id ? job.id === id || `${job.num}` === id : textOf(job).includes(query))));
}

const KEYS = {
  id: (job) => job.order, name: (job) => job.name || job.command, state: (job) => STATES.indexOf(job.state),
  start: (job) => job.started ?? Infinity, wall: (job) => job.wall ?? -1, cpu: (job) => job.cpu ?? -1,
  memory: (job) => job.memory ?? -1, exit: (job) => (job.end === null ? -1 : job.exit ?? 1000),
};

function sorted(items, key, down) {
  if (key === "id" && !down) return items;
  const value = KEYS[key];
  const keyed = items.map((item) => [value(item), item]);
  keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  if (down) keyed.reverse();
  return keyed.map(([, item]) => item);
}

const WHOLE = new Map();
for (const job of JOBS) if (job.task) WHOLE.set(job.num, (WHOLE.get(job.num) || 0) + 1);

function arrayOf(num, tasks) {
  const sum = (of) => tasks.reduce((all, job) => (job[of] === null ? all : (all ?? 0) + job[of]), null);
  const most = (of) => tasks.reduce((all, job) => (job[of] === null ? all : Math.max(all ?? 0, job[of])), null);
  const states = new Map();
  for (const job of tasks) states.set(job.state, (states.get(job.state) || 0) + 1);
  const started = tasks.reduce((all, job) => (job.started === null ? all : Math.min(all, job.started)), Infinity);
  const first = tasks[0];
  return {
    array: true, tasks, num, id: `${num}`, order: first.order, name: first.name, command: first.command, states,
    state: STATES.find((state) => ["FAILED", "UNDETERMINED"].includes(state) && states.has(state)) || STATES.find((state) => states.has(state)),
    from: tasks.reduce((all, job) => Math.min(all, job.from), Infinity), to: tasks.reduce((all, job) => Math.max(all, job.to), 0),
    started: started === Infinity ? null : started, wall: sum("wall"), cpu: sum("cpu"), memory: most("memory"),
    bound: tasks.every((job) => job.memory === null || job.bound), exit: null, end: null, how: "",
  };
}

// The rows of the list: jobs, arrays, and the tasks of those arrays that are open.
function rowsOf(jobs, want) {
  if (!want.fold) return sorted(jobs, want.sort, want.down);
  const units = [], arrays = new Map();
  for (const job of jobs) {
    if (!job.task) { units.push(job); continue; }
    if (!arrays.has(job.num)) { arrays.set(job.num, []); units.push(arrays.get(job.num)); }
    arrays.get(job.num).push(job);
  }
  const heads = units.map((unit) => (Array.isArray(unit) ? arrayOf(unit[0].num, unit) : unit));
  return sorted(heads, want.sort, want.down).flatMap((unit) => {
    if (!unit.array) return [unit];
    unit.open = want.open.has(unit.num) !== (heads.length === 1 || unit.tasks.length <= 3);
    return unit.open ? [unit, ...sorted(unit.tasks, want.sort, want.down)] : [unit];
  });
}

// How many jobs were in each kind of state, by pixel of a scale: what the most of each pixel's moments were.
function levels(jobs, from, to, width) {
  const step = (to - from) / width || 1, change = KINDS.map(() => new Float64Array(width + 1)), ended = new Uint32Array(width);
  const column = (time) => Math.min(width, Math.max(0, Math.floor((time - from) / step)));
  for (const job of jobs) {
    for (const part of job.parts) {
      if (part.to < from || part.from > to) continue;
      change[part.kind][column(part.from)] += 1;
      change[part.kind][Math.min(width, Math.max(column(part.to), column(part.from) + 1))] -= 1;
    }
    if (job.end !== null && job.state !== "DONE" && job.end >= from && job.end <= to) ended[Math.min(width - 1, column(job.end))] += 1;
  }
  for (const each of change) for (let x = 1; x <= width; x += 1) each[x] += each[x - 1];
  return { change, ended };
}

// Failures that look alike: the same end, the same words but for numbers in them.
function failures(jobs) {
  const groups = new Map();
  for (const job of jobs) {
    if (job.state !== "FAILED" && job.state !== "UNDETERMINED") continue;
    const last = lines(job.err.length ? job.err : job.out).at(-1) || "";
    const how = job.sub || (job.signal ? job.signal : `exit code ${job.exit}`);
    const why = job.note || last;
    const key = `${how}\n${why.replace(/\d+/g, "#")}`;
    if (!groups.has(key)) groups.set(key, { how, why, jobs: [] });
    groups.get(key).jobs.push(job);
  }
  return [...groups.values()].sort((a, b) => b.jobs.length - a.jobs.length);
}

// Jobs of a name, or where they have none of a command: how long they ran, what they used.
function usages(jobs) {
  const groups = new Map();
  for (const job of jobs) {
    const key = job.name || job.command || job.image;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(job);
  }
  return [...groups].map(([name, all]) => {
    const walls = all.map((job) => job.wall).filter((wall) => wall !== null).sort((a, b) => a - b);
    const known = (of) => all.map((job) => job[of]).filter((value) => value !== null);
    const both = all.filter((job) => job.cpu !== null && job.wall);
    const add = (values) => values.reduce((sum, value) => sum + value, 0);
    return {
      name, jobs: all.length, failed: all.filter((job) => job.state === "FAILED").length, walls, total: add(walls),
      cpu: known("cpu").length ? add(known("cpu")) : null,
      share: both.length ? add(both.map((job) => job.cpu)) / add(both.map((job) => job.wall)) : null,
      memory: known("memory").length ? known("memory").reduce((most, value) => Math.max(most, value), 0) : null,
      bound: all.every((job) => job.memory === null || job.bound),
    };
  }).sort((a, b) => b.total - a.total);
}

// ---- words for people

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds), two = (number) => String(number).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)}`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  return `${Math.floor(whole / 86400)}d ${two(Math.floor(whole / 3600) % 24)}:${two(Math.floor(whole / 60) % 60)}`;
}

function memory(kib, bound) {
  if (kib === null || kib === undefined) return "–";
  const [size, unit] = kib < 1000 ? [kib, "KiB"] : kib < 1000 * 1024 ? [kib / 1024, "MiB"] : [kib / 1024 / 1024, "GiB"];
  return `${bound ? "≤ " : ""}${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}

function count(number) {
  return number.toLocaleString("en");
}

function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

function moment(time, day = true) {
  const date = new Date(DATA.base + time), two = (number) => String(number).padStart(2, "0");
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return day ? `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}` : clock;
}

// Ids of jobs, tasks that follow each other as one: 43_[1-5].
function folded(jobs) {
  const runs = [];
  for (const job of jobs) {
    const run = runs.at(-1), last = run && run.at(-1);
    if (last && job.task && last.task && last.num === job.num && job.task === last.task + 1) run.push(job);
    else runs.push([job]);
  }
  return runs.flatMap((run) => (run.length < 3 ? run.map((job) => job.id) : [`${run[0].num}_[${run[0].task}-${run.at(-1).task}]`]));
}
