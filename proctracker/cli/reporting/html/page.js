// The page itself: what is asked for (kept in the address, so that a link shows the same), and drawing it.

const at = (id) => document.getElementById(id);
const want = { query: "", states: new Set(), session: "", contact: "", fold: true, open: new Set(), sort: "id", down: false, zoom: null };
const HEADS = [["id", "ID"], ["name", "name or command"], ["state", "state"], ["start", ""], ["wall", "ran"], ["cpu", "cpu"], ["memory", "memory"], ["exit", "exit"]];
const ROW = 26, PRINTED = 1500;
let found = { jobs: [], rows: [], whole: { from: 0, to: 1 }, scale: { from: 0, to: 1 } };
let chosen = null, brush = null, box = null;

function readAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  want.query = asked.get("q") || "";
  want.states = new Set((asked.get("state") || "").split(",").filter((state) => STATES.includes(state)));
  want.session = asked.get("session") || "";
  want.contact = asked.get("contact") || "";
  want.fold = asked.get("fold") !== "no";
  want.sort = asked.get("sort") in KEYS ? asked.get("sort") : "id";
  want.down = asked.has("down");
  const theme = asked.get("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme === "dark" ? "dark" : "light";
}

function writeAddress() {
  const asked = new URLSearchParams();
  if (want.query) asked.set("q", want.query);
  if (want.states.size) asked.set("state", [...want.states].join(","));
  for (const name of ["session", "contact"]) if (want[name]) asked.set(name, want[name]);
  if (!want.fold) asked.set("fold", "no");
  if (want.sort !== "id") asked.set("sort", want.sort);
  if (want.down) asked.set("down", "");
  try { history.replaceState(null, "", `#${asked}`); } catch { /* a sandbox without an address */ }
}

function compute() {
  const jobs = filtered(want);
  let from = Infinity, to = 0;
  for (const job of jobs) { from = Math.min(from, job.from); to = Math.max(to, job.to); }
  const whole = jobs.length ? { from, to: Math.max(to, from + 1) } : { from: 0, to: 1 };
  const margin = (whole.to - whole.from) * 0.005;
  whole.to += margin;
  found = { jobs, rows: rowsOf(jobs, want), whole, scale: want.zoom || whole };
}

function change(values) {
  Object.assign(want, values);
  writeAddress();
  draw();
}

function draw() {
  const began = performance.now();
  compute();
  drawFacts();
  drawFilters();
  drawHead();
  drawList();
  box = overview(at("overview"), found.jobs, found.scale, found.whole, brush);
  drawFailures();
  drawUsage();
  Object.assign(document.body.dataset, { jobs: found.jobs.length, rows: found.rows.length, drawn: (performance.now() - began).toFixed(1) });
}

function drawFacts() {
  const counts = new Map();
  for (const job of JOBS) counts.set(job.state, (counts.get(job.state) || 0) + 1);
  const tiles = STATES.filter((state) => counts.has(state)).map((state) => made("button", {
    type: "button", class: "tile", "data-state": state, "aria-pressed": String(want.states.has(state)), style: { "--tone": `var(--${TONES[state]})` },
    onclick: () => {
      const states = new Set(want.states);
      if (!states.delete(state)) states.add(state);
      change({ states, zoom: null });
    },
  }, made("b", {}, count(counts.get(state))), made("span", {}, state)));
  const sum = (of) => found.jobs.reduce((all, job) => all + (job[of] || 0), 0);
  const most = found.jobs.reduce((all, job) => (job.memory !== null && job.memory > (all ? all.memory : -1) ? job : all), null);
  const facts = [
    [duration(found.jobs.length ? (found.whole.to - found.whole.from) / 1000 : null), "from first to last"], [duration(sum("wall")), "running, all jobs"],
    [duration(sum("cpu")), "processor time"], [most ? memory(most.memory, most.bound) : "–", most ? `most memory, job ${most.id}` : "most memory"],
  ].map(([value, what]) => made("div", { class: "tile fact" }, made("b", {}, value), made("span", {}, what)));
  at("facts").replaceChildren(...tiles, ...facts);
}

function drawFilters() {
  if (at("query").value !== want.query) at("query").value = want.query;
  at("fold").checked = want.fold;
  at("session").value = want.session;
  at("contact").value = want.contact;
  const all = found.jobs.length === JOBS.length;
  at("count").textContent = all ? plural(JOBS.length, "job") : `${count(found.jobs.length)} of ${plural(JOBS.length, "job")}`;
  at("reset").hidden = all && !want.zoom && !want.query;
}

function drawHead() {
  const cells = HEADS.map(([key, word], index) => {
    if (key === "start") return made("div", { id: "axis" });
    const sort = want.sort === key ? (want.down ? "descending" : "ascending") : null;
    const arrow = sort ? (want.down ? " ▾" : " ▴") : "";
    const press = () => change({ sort: key, down: want.sort === key ? !want.down : ["wall", "cpu", "memory", "exit"].includes(key) });
    return made("button", { type: "button", class: index > 3 ? "number" : "", "aria-sort": sort, "data-sort": key, onclick: press }, word + arrow);
  });
  at("head").replaceChildren(...cells);
  const axis = at("axis"), wide = axis.clientWidth || 500;
  for (const tick of ticks(found.scale, wide / 85)) {
    const part = (tick.time - found.scale.from) / (found.scale.to - found.scale.from);
    const edge = part * wide < 24 ? "first" : part * wide > wide - 24 ? "last" : "";
    axis.append(made("span", { class: edge, style: { left: `${part * 100}%` } }, tick.word));
  }
}

function drawList() {
  const space = at("space"), rows = at("rows");
  const tall = found.rows.length * ROW;
  space.style.height = `${tall}px`;
  rows.style.height = `${Math.min(tall, Math.round(window.innerHeight * 0.74))}px`;
  at("more").textContent = found.rows.length ? "" : "no jobs fit";
  if (rows.scrollTop > tall) rows.scrollTop = 0;
  drawWindow();
}

// Only the rows that are in sight are in the page.
function drawWindow(all = false) {
  const rows = at("rows"), height = rows.clientHeight || 600;
  const first = all ? 0 : Math.max(0, Math.floor(rows.scrollTop / ROW) - 8);
  const last = all ? Math.min(found.rows.length, PRINTED) : Math.min(found.rows.length, Math.ceil((rows.scrollTop + height) / ROW) + 8);
  const lines = [], arrays = [];
  for (let index = first; index < last; index += 1) {
    const unit = found.rows[index], line = row(unit, found.scale, unit.id === chosen);
    line.style.top = `${index * ROW}px`;
    line.dataset.index = index;
    if (unit.array) arrays.push([line, unit]);
    lines.push(line);
  }
  at("space").replaceChildren(...lines);
  for (const [line, unit] of arrays) arrayBar(line.querySelector("canvas"), unit, found.scale);
}

function drawFailures() {
  const groups = failures(found.jobs), shown = groups.slice(0, 25);
  const total = groups.reduce((all, group) => all + group.jobs.length, 0);
  at("failures").hidden = !total;
  at("failures").replaceChildren(made("h2", {}, `What failed: ${plural(total, "job")}, ${plural(groups.length, "kind")}`),
    ...shown.map((group, index) => failure(group, index < 3)),
    groups.length > shown.length ? made("p", { class: "note" }, `and ${plural(groups.length - shown.length, "kind")} more: search, or choose a state`) : "");
}

function failure(group, open) {
  const one = group.jobs[0], ids = folded(group.jobs), few = ids.slice(0, 12).join(" ");
  const more = ids.length > 12 ? ` and ${count(ids.length - 12)} more` : "";
  const box = made("details", { class: "failure", open },
    made("summary", {}, made("b", {}, count(group.jobs.length)), ` × ${group.how}`, group.why ? `: ${group.why}` : ""),
    made("p", {}, `${few}${more} `, link(one, `look at ${one.id}`)), ...output(one));
  return box;
}

function link(job, word) {
  return made("a", { href: "#", onclick: (event) => { event.preventDefault(); choose(job); } }, word);
}

function output(job) {
  return [["stdout", job.out], ["stderr", job.err]].filter(([, numbers]) => numbers.length)
    .map(([stream, numbers]) => made("pre", { class: stream, title: `last lines of ${stream}` }, lines(numbers).join("\n")));
}

function drawUsage() {
  const groups = usages(found.jobs), shown = groups.slice(0, 40);
  const most = Math.max(0.001, ...shown.map((group) => group.walls.at(-1) || 0));
  const number = (text) => made("td", { class: "number" }, text);
  const middle = (walls) => (walls.length ? walls[Math.floor(walls.length / 2)] : null);
  const place = (wall) => `${(wall / most) * 100}%`;
  const range = (walls) => (walls.length ? made("span", { class: "range", title: `${duration(walls[0])} to ${duration(walls.at(-1))}` },
    made("i", { style: { left: place(walls[0]), width: place(walls.at(-1) - walls[0]) } }), made("b", { style: { left: place(middle(walls)) } })) : "");
  const body = shown.map((group) => made("tr", {}, made("td", { class: "cut", title: group.name }, group.name || "–"), number(count(group.jobs)),
    number(group.failed ? count(group.failed) : "–"), number(duration(middle(group.walls))), number(duration(group.walls.at(-1))), made("td", {}, range(group.walls)),
    number(duration(group.cpu)), number(group.share === null ? "–" : `${Math.round(group.share * 100)} %`), number(memory(group.memory, group.bound))));
  const head = [["name or command", ""], ["jobs", "number"], ["failed", "number"], ["ran, median", "number"], ["longest", "number"], ["shortest, median, longest", ""],
    ["cpu", "number"], ["cpu of time", "number"], ["most memory", "number"]];
  at("usage").hidden = !groups.length;
  at("usage").replaceChildren(made("h2", {}, "Usage by name"),
    made("table", {}, made("thead", {}, made("tr", {}, ...head.map(([word, kind]) => made("th", { class: kind }, word)))), made("tbody", {}, ...body)),
    groups.length > shown.length ? made("p", { class: "note" }, `and ${plural(groups.length - shown.length, "name")} more`) : "");
}

function choose(job) {
  chosen = job ? job.id : null;
  drawWindow();
  at("detail").hidden = !job;
  if (!job) return;
  const facts = [["name", job.name], ["command", job.command], ["image", job.image], ["session", job.session], ["contact", job.contact], ["host", job.host],
    ["exit code", job.exit], ["signal", job.signal], ["sub-state", job.sub], ["why", job.note], ["ran", job.wall === null ? "" : duration(job.wall)],
    ["processor time", job.cpu === null ? "" : duration(job.cpu)], ["most memory", job.memory === null ? "" : memory(job.memory, job.bound)],
    ["attempt", job.attempt > 1 ? job.attempt : ""]].filter(([, value]) => value !== "" && value !== null);
  const zoom = () => change({ zoom: { from: job.from - (job.to - job.from) * 0.02 - 1, to: job.to + (job.to - job.from) * 0.02 + 1 } });
  at("detail").replaceChildren(
    made("header", {}, made("h2", {}, `job ${job.id} `, stateWord(job)), made("button", { type: "button", onclick: () => choose(null) }, "close")),
    made("dl", {}, ...facts.flatMap(([name, value]) => [made("dt", {}, name), made("dd", {}, `${value}`)])),
    made("h3", {}, "What became of it"), made("pre", {}, partsOf(job)), made("button", { type: "button", onclick: zoom }, "zoom the timeline to it"),
    ...(job.out.length || job.err.length ? [made("h3", {}, "Last lines of its output"), ...output(job)] : []),
    made("p", { class: "dim" }, `proctracker info ${job.id}`, made("br"), `proctracker logs ${job.id}`));
}

function toggle(unit) {
  const open = new Set(want.open);
  if (!open.delete(unit.num)) open.add(unit.num);
  change({ open });
}

// ---- once

function chooser(id, word, values) {
  at(id).replaceChildren(made("option", { value: "" }, `all ${word}s`), ...values.map((value) => made("option", { value }, value)));
  at(id).hidden = values.length < 2;
  at(id).addEventListener("change", () => change({ [id]: at(id).value, zoom: null }));
}

function listen() {
  at("query").addEventListener("input", () => change({ query: at("query").value, zoom: null }));
  at("fold").addEventListener("change", () => change({ fold: at("fold").checked }));
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("reset").addEventListener("click", () => change({ query: "", states: new Set(), session: "", contact: "", zoom: null }));
  at("theme").addEventListener("click", () => {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    readTones();
    draw();
  });
  let waiting = false;
  const later = (work) => () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; work(); });
  };
  at("rows").addEventListener("scroll", later(() => drawWindow()));
  window.addEventListener("resize", later(draw));
  window.addEventListener("hashchange", () => { readAddress(); readTones(); draw(); });
  at("rows").addEventListener("click", (event) => {
    const line = event.target.closest(".row"), unit = line && found.rows[line.dataset.index];
    if (unit) (unit.array ? toggle : choose)(unit);
  });
  at("rows").addEventListener("keydown", keys);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") choose(null);
    if (event.key === "/" && document.activeElement !== at("query")) { event.preventDefault(); at("query").focus(); }
  });
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
  brushing(at("overview"));
}

// Paper is light, and has rows that are not in sight.
let theme = null;
function print(begins) {
  const root = document.documentElement;
  theme = begins ? root.dataset.theme : theme;
  root.dataset.theme = begins ? "light" : theme;
  readTones();
  draw();
  if (begins) drawWindow(true);
  const left = found.rows.length - PRINTED;
  if (begins && left > 0) at("more").textContent = `and ${count(left)} rows more, which are not printed`;
}

function keys(event) {
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[event.key];
  if (!step && event.key !== "Enter") return;
  event.preventDefault();
  const now = found.rows.findIndex((unit) => unit.id === chosen && !unit.array);
  const next = Math.min(found.rows.length - 1, Math.max(0, now + (step || 0)));
  const unit = found.rows[next];
  if (!unit) return;
  const rows = at("rows");
  if (next * ROW < rows.scrollTop) rows.scrollTop = next * ROW;
  if ((next + 1) * ROW > rows.scrollTop + rows.clientHeight) rows.scrollTop = (next + 1) * ROW - rows.clientHeight;
  if (unit.array && event.key === "Enter") toggle(unit);
  else if (!unit.array) choose(unit);
}

// Drag over the overview: a part of the time; a click: all of it again.
function brushing(canvas) {
  const time = (event) => {
    const part = (event.clientX - canvas.getBoundingClientRect().left - box.left) / box.width;
    return found.whole.from + Math.min(1, Math.max(0, part)) * (found.whole.to - found.whole.from);
  };
  let start = null;
  canvas.addEventListener("pointerdown", (event) => { start = time(event); canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (start === null) return;
    const now = time(event);
    brush = { from: Math.min(start, now), to: Math.max(start, now) };
    box = overview(canvas, found.jobs, found.scale, found.whole, brush);
  });
  canvas.addEventListener("pointerup", () => {
    const wide = brush && brush.to - brush.from > (found.whole.to - found.whole.from) / 200;
    const zoom = wide ? brush : null;
    start = brush = null;
    change({ zoom });
  });
}

// What the colours mean that there are.
function legend() {
  const there = new Set(JOBS.flatMap((job) => [...job.parts.map((part, index) => toneOf(job, part, index)), "running"]));
  const told = [["queued", "waiting"], ["held", "held"], ["running", "running"], ["done", "ran and is DONE"], ["failed", "ran and FAILED"], ["tried", "ran, failed and is tried again"],
    ["retry", "waits to be tried again"], ["suspended", "suspended"], ["unknown", "lost, or nobody knows"]];
  at("legend").replaceChildren(...told.filter(([tone]) => there.has(tone)).map(([tone, word]) => made("span", {}, made("i", { style: { background: `var(--${tone})` } }), word)),
    made("span", { id: "hint" }, "drag over the chart to zoom, click to see all"));
}

function begin() {
  readAddress();
  readTones();
  at("made").textContent = `${plural(JOBS.length, "job")} of ${DATA.owner} on ${DATA.host}, as of ${moment(DATA.made - DATA.base)} (${Intl.DateTimeFormat().resolvedOptions().timeZone || "local time"})`;
  at("foot").textContent = `proctracker ${DATA.version}`;
  chooser("session", "session", [...new Set(JOBS.map((job) => job.session))].sort());
  chooser("contact", "contact", [...new Set(JOBS.map((job) => job.contact))].sort());
  legend();
  listen();
  draw();
  document.body.dataset.ready = performance.now().toFixed(1);
}

begin();
