// How things look: elements, colours, bars, the overview. Text goes into the page as text alone.

function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") for (const [property, to] of Object.entries(value)) element.style.setProperty(property, to);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name === "class" ? "class" : name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

let tones = {};
function readTones() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["queued", "held", "running", "suspended", "retry", "unknown", "done", "failed", "tried", "line", "soft", "ink", "mark", "box"]) {
    tones[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

// A running part has the colour of what became of it.
function toneOf(job, part, index) {
  if (part.kind !== RUNNING) return KINDS[part.kind];
  if (job.parts.slice(index + 1).some((later) => later.kind === RETRY)) return "tried";
  return job.end === null ? "running" : TONES[job.state];
}

function bar(job, scale) {
  const box = made("div", { class: "bar" });
  const width = scale.to - scale.from;
  const place = (time) => Math.min(100, Math.max(0, ((time - scale.from) / width) * 100));
  job.parts.forEach((part, index) => {
    if (part.to < scale.from || part.from > scale.to) return;
    const left = place(part.from), tone = toneOf(job, part, index);
    const thin = part.kind === QUEUED || part.kind === HELD || part.kind === RETRY;
    const style = { left: `${left}%`, width: `${place(part.to) - left}%`, background: `var(--${tone})` };
    box.append(made("i", { class: thin ? "thin" : "", style }));
  });
  if (job.end !== null && job.state !== "DONE" && job.end >= scale.from && job.end <= scale.to) {
    const tone = job.state === "FAILED" ? "failed" : "unknown";
    box.append(made("b", { style: { left: `${place(job.end)}%`, background: `var(--${tone})` } }));
  }
  box.title = partsOf(job);
  return box;
}

function partsOf(job) {
  const told = job.parts.map((part) => `${moment(part.from)}  ${KINDS[part.kind]} ${duration((part.to - part.from) / 1000)}`);
  if (job.end !== null) told.push(`${moment(job.end)}  ${job.state}${job.how ? ` (${job.how})` : ""}`);
  return told.join("\n");
}

function sharp(canvas) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || 600, height = canvas.clientHeight || 22;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width: Math.max(1, Math.floor(width)), height };
}

const STACK = [[RUNNING, "running"], [SUSPENDED, "suspended"], [UNKNOWN, "unknown"], [RETRY, "retry"], [QUEUED, "queued"], [HELD, "held"]];

// Jobs by state over time, stacked; ``kinds``: which of them count for the height.
function area(context, found, box, most, kinds) {
  for (let x = 0; x < box.width; x += 1) {
    let top = box.top + box.height;
    for (const [kind, tone] of STACK) {
      if (!kinds.includes(kind) || !found.change[kind][x]) continue;
      const tall = Math.max(1, (found.change[kind][x] / most) * box.height);
      context.fillStyle = tones[tone];
      context.fillRect(box.left + x, Math.max(box.top, top - tall), 1, Math.min(tall, top - box.top));
      top -= tall;
    }
  }
}

function highest(found, width, kinds) {
  let most = 1;
  for (let x = 0; x < width; x += 1) {
    let all = 0;
    for (const kind of kinds) all += found.change[kind][x];
    most = Math.max(most, all);
  }
  return most;
}

// What an array's tasks did: running ones above, failed ends as marks below.
function arrayBar(canvas, unit, scale) {
  const { context, width, height } = sharp(canvas);
  const found = levels(unit.tasks, scale.from, scale.to, width);
  const waiting = [QUEUED, HELD, RETRY], busy = [RUNNING, SUSPENDED, UNKNOWN];
  context.fillStyle = tones.queued;
  for (let x = 0; x < width; x += 1) if (waiting.some((kind) => found.change[kind][x])) context.fillRect(x, height - 6, 1, 2);
  area(context, found, { left: 0, top: 1, width, height: height - 8 }, highest(found, width, busy), busy);
  context.fillStyle = tones.failed;
  for (let x = 0; x < width; x += 1) if (found.ended[x]) context.fillRect(x - 0.5, height - 4, 2, 4);
}

// Times that look well on an axis, with their words.
function ticks(scale, room) {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5,
    1728e5, 6048e5, 12096e5, 2592e6, 7776e6, 31536e6];
  const step = steps.find((each) => (scale.to - scale.from) / each <= room) || steps.at(-1);
  const zone = new Date(DATA.base).getTimezoneOffset() * 6e4, found = [];
  for (let time = Math.ceil((DATA.base + scale.from - zone) / step) * step + zone - DATA.base; time <= scale.to; time += step) {
    const date = new Date(DATA.base + time), two = (number) => String(number).padStart(2, "0");
    const midnight = !date.getHours() && !date.getMinutes() && !date.getSeconds();
    const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
    const day = `${date.getMonth() + 1}-${two(date.getDate())}`;
    const second = `${clock}:${two(date.getSeconds())}`;
    const word = step >= 864e5 || midnight ? date.toLocaleDateString("en", { month: "short", day: "numeric" })
      : step >= 6e4 ? clock : step >= 1e3 ? second : `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
    found.push({ time, word, day });
  }
  return found;
}

function overview(canvas, jobs, scale, whole, brush) {
  const { context, width, height } = sharp(canvas);
  const box = { left: 52, top: 6, width: Math.max(1, width - 58), height: height - 32 };
  const found = levels(jobs, whole.from, whole.to, box.width);
  const busy = [RUNNING, SUSPENDED, UNKNOWN], waiting = [RETRY, QUEUED, HELD];
  // Thousands that wait would flatten the few that run: those have two thirds of the height to themselves.
  const split = { ...box, height: Math.round(box.height * 0.68), top: box.top + Math.round(box.height * 0.32) };
  const queue = { ...box, height: Math.round(box.height * 0.28) };
  const most = highest(found, box.width, busy), queued = highest(found, box.width, waiting);
  area(context, found, split, most, busy);
  area(context, found, queue, queued, waiting);
  context.fillStyle = tones.failed;
  for (let x = 0; x < box.width; x += 1) if (found.ended[x]) context.fillRect(box.left + x - 0.5, box.top + box.height + 1, 2, 5);
  context.fillStyle = tones.soft;
  context.strokeStyle = tones.line;
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "right";
  context.fillText(count(most), box.left - 6, split.top + 9);
  context.fillText("0", box.left - 6, split.top + split.height);
  if (waiting.some((kind) => found.change[kind].some((value) => value))) context.fillText(count(queued), box.left - 6, queue.top + 9);
  context.textAlign = "left";
  for (const [word, y] of [["waiting", queue.top + 9], ["running", split.top + 9]]) context.fillText(word, box.left + 4, y);
  for (const y of [split.top + split.height, queue.top + queue.height]) {
    context.beginPath();
    context.moveTo(box.left, y + 0.5);
    context.lineTo(box.left + box.width, y + 0.5);
    context.stroke();
  }
  context.textAlign = "center";
  for (const tick of ticks(whole, box.width / 90)) {
    const x = box.left + ((tick.time - whole.from) / (whole.to - whole.from)) * box.width;
    context.fillText(tick.word, Math.min(width - 24, Math.max(box.left + 16, x)), height - 4);
    context.fillRect(x, box.top + box.height + 6, 1, 4);
  }
  const chosen = brush || (scale.from > whole.from || scale.to < whole.to ? scale : null);
  if (chosen) {
    const x = (time) => box.left + ((time - whole.from) / (whole.to - whole.from)) * box.width;
    context.globalAlpha = 0.16;
    context.fillStyle = tones.mark;
    context.fillRect(x(chosen.from), 0, Math.max(2, x(chosen.to) - x(chosen.from)), height - 18);
    context.globalAlpha = 1;
  }
  return box;
}

function stateWord(unit) {
  if (!unit.array) {
    return made("span", { class: "word", style: { "--tone": `var(--${TONES[unit.state]})` }, title: unit.note || unit.sub || unit.state }, unit.state);
  }
  const told = STATES.filter((state) => unit.states.has(state)).map((state) => `${count(unit.states.get(state))} ${state}`);
  const short = unit.states.size === 1 ? unit.state : `${count(unit.states.get(unit.state))} ${unit.state}`;
  return made("span", { class: "word", style: { "--tone": `var(--${TONES[unit.state]})` }, title: told.join("\n") }, short);
}

function row(unit, scale, chosen) {
  const label = unit.array ? `${unit.open ? "▾" : "▸"} ${unit.num}` : unit.id;
  const whole = WHOLE.get(unit.num), some = unit.array && unit.tasks.length < whole ? `${count(unit.tasks.length)} of ${count(whole)} tasks` : "";
  const what = unit.name || unit.command || unit.image || "";
  const name = made("span", { class: "cut", title: unit.command || unit.image },
    what, unit.array ? made("span", { class: "dim" }, ` · ${some || plural(unit.tasks.length, "task")}`) : "");
  const kind = unit.array ? "row array" : want.fold && unit.task ? "row task" : "row";
  const line = made("div", { class: chosen ? `${kind} at` : kind, role: "row", "data-id": unit.id },
    made("span", { title: unit.id }, label), name, stateWord(unit), unit.array ? made("canvas") : bar(unit, scale),
    made("span", { class: "number", title: unit.array ? "all together" : "" }, duration(unit.wall)),
    made("span", { class: "number" }, duration(unit.cpu)),
    made("span", { class: "number" }, memory(unit.memory, unit.bound)),
    made("span", { class: "number cut", title: unit.how }, unit.how || (unit.array ? "" : "–")));
  return line;
}
