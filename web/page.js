// The first page: polls /v1/status each second for rates and lag, and follows one view's changes as server-sent events.
// A view may be far larger than a page: only the first rows are read, and then only changes are asked for.

const kHistorySeconds = 60;
const kRowsMax = 200;

const element = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const makeSvg = (tag, attributes) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const count = (number) => (number < 100000 ? whole : short).format(number);

// bigint and numeric arrive as exact JSON numbers, which JavaScript would round: their text is kept instead.
const parseRows = (text) => JSON.parse(text, (_, value, context) => {
  if (typeof value !== 'number' || !context || String(value) === context.source) return value;
  return { exact: context.source };
});

// --- the channel and the wheel ---

const race = (() => {
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  const flow = element('flow');
  const wheel = element('wheel');
  for (const [y, className] of [[21, 'wave'], [31, 'wave deep'], [39, 'wave deep']]) {
    let path = `M-80 ${y}`;
    for (let x = -80; x < 1240; x += 40) path += `q10 -5 20 0t20 0`;
    flow.append(makeSvg('path', { d: path, class: className }));
  }
  wheel.append(makeSvg('circle', { r: 30, 'stroke-width': 3 }), makeSvg('circle', { r: 5, 'stroke-width': 3 }));
  for (let blade = 0; blade < 12; ++blade) {
    wheel.append(makeSvg('line', { x1: 5, y1: 0, x2: 36, y2: 0, 'stroke-width': 2, transform: `rotate(${blade * 30})` }));
  }
  let goal = 0;
  let speed = 0;
  let way = 0;
  let last = 0;
  const draw = () => {
    flow.setAttribute('transform', `translate(${way % 40} 0)`);
    wheel.setAttribute('transform', `translate(1112 36) rotate(${way * 1.9})`);
  };
  const step = (now) => {
    const seconds = Math.min(0.1, (now - last) / 1000);
    last = now;
    speed += (goal - speed) * Math.min(1, seconds * 2);
    way += speed * seconds;
    draw();
    if (speed > 0.05 || goal > 0) requestAnimationFrame(step);
    else last = 0;
  };
  draw();
  return {
    // As fast as the logarithm of the rate: 1 row/s is a trickle, a million a torrent.
    turn(rowsPerSecond) {
      goal = still.matches ? 0 : rowsPerSecond > 0 ? 10 + 22 * Math.log10(1 + rowsPerSecond) : 0;
      if (goal > 0 && last === 0) {
        last = performance.now();
        requestAnimationFrame(step);
      }
    },
  };
})();

// --- lists with sparklines ---

const histories = new Map();

const remember = (id, rate) => {
  const history = histories.get(id) ?? [];
  history.push(rate);
  if (history.length > kHistorySeconds) history.shift();
  histories.set(id, history);
  return history;
};

const drawSpark = (svg, history) => {
  const most = Math.max(1, ...history);
  const points = history.map((rate, at) => {
    const x = 84 - (history.length - 1 - at) * (84 / (kHistorySeconds - 1));
    return `${x.toFixed(1)},${(28 - 25 * rate / most).toFixed(1)}`;
  });
  const first = points[0].split(',')[0];
  svg.firstChild.setAttribute('points', `${first},29 ${points.join(' ')} 84,29`);
  svg.lastChild.setAttribute('points', points.join(' '));
};

const makeItem = (tag) => {
  const line = make('li');
  const item = make(tag, 'item');
  const spark = makeSvg('svg', { class: 'spark', viewBox: '0 0 84 30', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  spark.append(makeSvg('polygon', { class: 'area' }), makeSvg('polyline', { class: 'top-line' }));
  item.append(make('span', 'name'), make('span', 'facts'), spark, make('span', 'rate'), make('span', 'lag'));
  line.append(item);
  return line;
};

const fillItem = (line, { id, name, facts, factsBad, rate, lag, lagBad }) => {
  const item = line.firstChild;
  const [nameAt, factsAt, spark, rateAt, lagAt] = item.children;
  if (nameAt.textContent !== name) nameAt.textContent = name;
  if (factsAt.textContent !== facts) factsAt.textContent = facts;
  factsAt.classList.toggle('bad', Boolean(factsBad));
  rateAt.replaceChildren(count(rate), make('small', '', ' rows/s'));
  lagAt.textContent = lag;
  lagAt.classList.toggle('bad', Boolean(lagBad));
  drawSpark(spark, remember(id, rate));
};

// Keeps the lines that are there, so that focus and selection stay.
const fillList = (list, empty, things, tag) => {
  const lines = new Map([...list.children].map((line) => [line.dataset.name, line]));
  for (const thing of things) {
    const line = lines.get(thing.name) ?? makeItem(tag);
    if (!line.dataset.name) {
      line.dataset.name = thing.name;
      list.append(line);
    }
    lines.delete(thing.name);
    fillItem(line, thing);
  }
  for (const line of lines.values()) line.remove();
  list.hidden = things.length === 0;
  empty.hidden = things.length !== 0;
};

const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

const showStatus = (status) => {
  const streams = status.streams.filter((stream) => !stream.name.endsWith('.dead') || stream.rows > 0);
  fillList(element('streams'), element('streams-empty'), streams.map((stream) => ({
    id: `stream ${stream.name}`,
    name: stream.name,
    facts: `${stream.name.endsWith('.dead') ? 'rejected rows' : stream.kind}, ${plural(stream.partitions, 'partition')}`,
    rate: stream.rows_per_second,
    lag: plural(stream.rows, 'row'),
    lagBad: stream.name.endsWith('.dead'),
  })), 'div');
  fillList(element('views'), element('views-empty'), status.views.map((view) => ({
    id: `view ${view.name}`,
    name: view.name,
    facts: [plural(view.rows, 'row'), view.state !== 'live' && view.state, view.replacing && 'rebuilding beside',
            view.dead_rows > 0 && `${count(view.dead_rows)} rejected`].filter(Boolean).join(', '),
    factsBad: view.state.startsWith('failed'),
    rate: view.rows_per_second,
    lag: view.lag_rows > 0 ? `${count(view.lag_rows)} behind` : 'up to date',
  })), 'button');
  for (const line of element('views').children) {
    line.firstChild.type = 'button';
    line.firstChild.setAttribute('aria-pressed', String(line.dataset.name === view.name));
  }

  const sources = status.streams.filter((stream) => stream.kind !== 'derived');
  const rate = sources.reduce((sum, stream) => sum + stream.rows_per_second, 0);
  const lag = status.views.reduce((sum, one) => Math.max(sum, one.lag_rows), 0);
  element('total-rate').textContent = count(rate);
  element('total-rows').textContent = count(status.streams.reduce((sum, stream) => sum + stream.rows, 0));
  element('total-lag').textContent = lag > 0 ? count(lag) : '0';
  race.turn(rate);
  showState(status.ready ? 'ready' : 'busy', status.ready ? 'ready' : 'views are catching up');
  knownViews = new Map(status.views.map((one) => [one.name, one]));
};

const showState = (is, text) => {
  element('state').dataset.is = is;
  if (element('state-text').textContent !== text) element('state-text').textContent = text;
};

let knownViews = new Map();

const poll = async () => {
  try {
    const answer = await fetch('/v1/status', { cache: 'no-store' });
    if (!answer.ok) throw new Error(String(answer.status));
    showStatus(await answer.json());
    if (!view.name && !location.hash && knownViews.size > 0) chooseFirst();
  } catch {
    showState('lost', 'the server does not answer; trying again');
    race.turn(0);
  }
  setTimeout(poll, 1000);
};

// --- the rows of a view ---

const view = { name: '', key: [], columns: [], source: null, rows: new Map(), order: 'key', changes: 0, generation: 0 };

const isNumber = (type) => /^(smallint|integer|bigint|real|double|numeric)/.test(type);
const keyOf = (row) => JSON.stringify(view.key.map((column) => row[column]));
const textOf = (value) => {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'object') return value.exact ?? JSON.stringify(value);
  return String(value);
};
const showTime = (text) => text.replace('T', ' ').replace(/(\.\d+?)0*Z$|Z$/, (_, fraction) => (fraction && fraction !== '.' ? fraction : ''));

const fillRow = (line, row, flashed) => {
  view.columns.forEach((column, at) => {
    const cell = line.children[at] ?? line.appendChild(make('td'));
    const value = row[column.name];
    const text = column.type === 'timestamptz' && typeof value === 'string' ? showTime(value) : textOf(value);
    if (cell.textContent === text) return;
    const changed = cell.textContent !== '';
    cell.textContent = text;
    cell.title = text.length > 40 ? text : '';
    cell.className = value === null ? 'null' : isNumber(column.type) ? 'number' : /json|\[\]|bytea/.test(column.type) ? 'code' : '';
    if (flashed && changed) flash(cell);
  });
};

const flash = (target) => target.animate(
  [{ backgroundColor: 'var(--flash)' }, { backgroundColor: 'transparent' }], { duration: 1400, easing: 'ease-out' });

const matchesFind = (line) => {
  const wanted = element('find').value.trim().toLowerCase();
  line.hidden = wanted !== '' && !line.textContent.toLowerCase().includes(wanted);
};

const putRow = (row, isNews) => {
  const key = keyOf(row);
  let line = view.rows.get(key);
  const body = element('body');
  if (!line) {
    if (view.order === 'key' && isNews && view.rows.size >= kRowsMax) return;
    line = make('tr');
    fillRow(line, row, false);
    view.rows.set(key, line);
    if (view.order === 'latest' && isNews) body.prepend(line);
    else body.append(line);
    if (isNews) flash(line);
    while (view.rows.size > kRowsMax) removeRow(view.order === 'latest' ? body.lastChild : line);
  } else {
    fillRow(line, row, isNews);
    if (view.order === 'latest' && isNews && body.firstChild !== line) body.prepend(line);
  }
  line.dataset.key = key;
  matchesFind(line);
};

const removeRow = (line) => {
  view.rows.delete(line.dataset.key);
  line.remove();
};

const showNote = () => {
  const known = knownViews.get(view.name);
  const shown = view.rows.size;
  const parts = [];
  if (known && known.rows > shown && shown > 0) {
    parts.push(view.order === 'key' ? `the first ${count(shown)} of about ${plural(known.rows, 'row')}`
                                    : `${plural(shown, 'row')} of about ${count(known.rows)}`);
  } else if (shown > 0) {
    parts.push(plural(shown, 'row'));
  }
  if (view.changes > 0) parts.push(`${plural(view.changes, 'change')} since you opened it`);
  const text = parts.join(', ');
  element('note').textContent = text && text[0].toUpperCase() + text.slice(1) + '.';
  const empty = element('rows-empty');
  empty.hidden = shown > 0 || !view.name;
  if (view.name && shown === 0) {
    empty.hidden = false;
    empty.textContent = 'No rows yet. They appear here as soon as the view has them.';
  }
  element('scroll').hidden = shown === 0;
};

const setLive = (is, text) => {
  element('live').dataset.is = is;
  element('live').textContent = text;
};

// Changes wait for the next frame, so that a burst draws once. Of a burst only the last rows are drawn.
let waiting = [];
const draw = () => {
  const changes = waiting;
  waiting = [];
  const gone = new Map();
  const come = new Map();
  for (const change of changes) {
    for (const row of change.delete ?? []) {
      come.delete(keyOf(row));
      gone.set(keyOf(row), row);
    }
    for (const row of change.insert ?? []) {
      const key = keyOf(row);
      gone.delete(key);
      come.delete(key);
      come.set(key, row);
    }
    view.changes += change.insert?.length || change.delete?.length || 0;
  }
  for (const key of gone.keys()) {
    const line = view.rows.get(key);
    if (line) removeRow(line);
  }
  const rows = [...come.values()];
  for (const row of view.order === 'latest' ? rows.slice(-kRowsMax) : rows) putRow(row, true);
  showNote();
};

const fail = (text) => {
  setLive('lost', text);
  view.source?.close();
};

const follow = async () => {
  const generation = ++view.generation;
  view.source?.close();
  waiting = [];
  const path = `/v1/views/${encodeURIComponent(view.name)}`;
  const isCurrent = () => generation === view.generation;
  const again = (reason) => {
    if (!isCurrent()) return;
    setLive('lost', reason);
    view.source?.close();
    setTimeout(() => isCurrent() && follow(), 1500);
  };
  let page;
  try {
    const list = await (await fetch('/v1/views', { cache: 'no-store' })).json();
    const found = list.views.find((one) => one.name === view.name);
    if (!isCurrent()) return;
    if (!found) return fail('there is no such view any more');
    view.key = found.key;
    view.columns = found.columns;
    const answer = await fetch(`${path}?limit=${kRowsMax}`, { cache: 'no-store' });
    if (!answer.ok) return again((await answer.json()).detail);
    page = parseRows(await answer.text());
  } catch {
    return again('the server does not answer; trying again');
  }
  if (!isCurrent()) return;

  const head = make('tr');
  for (const column of view.columns) {
    const cell = make('th', `${isNumber(column.type) ? 'number' : ''} ${view.key.includes(column.name) ? 'key' : ''}`.trim(), column.name);
    cell.scope = 'col';
    cell.append(make('small', '', column.type));
    head.append(cell);
  }
  element('head').replaceChildren(head);
  element('body').replaceChildren();
  view.rows.clear();
  for (const row of page.rows) putRow(row, false);
  showNote();

  // Only what changes after the page that was just read; where that is too long ago, the page is read again.
  const source = new EventSource(`${path}/changes?last_event_id=${encodeURIComponent(page.frontier)}`);
  view.source = source;
  source.onopen = () => isCurrent() && setLive('live', 'live');
  source.addEventListener('change', (event) => {
    if (!isCurrent()) return;
    if (waiting.length === 0) requestAnimationFrame(draw);
    waiting.push(parseRows(event.data));
    if (document.hidden && waiting.length > 1000) again('catching up');
  });
  source.addEventListener('reset', () => again('catching up'));
  source.addEventListener('problem', (event) => again(JSON.parse(event.data).detail));
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) again('the connection ended; trying again');
    else if (isCurrent()) setLive('lost', 'reconnecting');
  };
};

const choose = (name) => {
  if (name === view.name) return;
  view.name = name;
  view.changes = 0;
  element('rows-title').textContent = name;
  document.title = `${name} – Headrace`;
  setLive('', 'reading');
  const known = knownViews.get(name);
  setOrder(known && known.rows > kRowsMax ? 'latest' : 'key');
  for (const line of element('views').children) {
    line.firstChild.setAttribute('aria-pressed', String(line.dataset.name === name));
  }
  follow();
};

const setOrder = (order) => {
  view.order = order;
  for (const radio of element('tools').elements.order) radio.checked = radio.value === order;
};

// Of the views that fit on the page, the one through which most has gone.
const chooseFirst = () => {
  const weight = (one) => (one.rows > 0 && one.rows <= 5 * kRowsMax ? one.rows_in + 1 : 0);
  const views = [...knownViews.values()].sort((a, b) => weight(b) - weight(a) || a.rows - b.rows);
  choose(views[0].name);
};

element('views').addEventListener('click', (event) => {
  const line = event.target.closest('li');
  if (!line) return;
  history.replaceState(null, '', `#${encodeURIComponent(line.dataset.name)}`);
  choose(line.dataset.name);
  if (matchMedia('(max-width: 900px)').matches) element('rows').scrollIntoView({ behavior: 'smooth' });
});
element('tools').addEventListener('submit', (event) => event.preventDefault());
element('tools').addEventListener('change', (event) => {
  if (event.target.name !== 'order') return;
  setOrder(event.target.value);
  if (view.name) follow();
});
element('find').addEventListener('input', () => view.rows.forEach(matchesFind));
addEventListener('hashchange', () => location.hash && choose(decodeURIComponent(location.hash.slice(1))));

poll().then(() => location.hash && choose(decodeURIComponent(location.hash.slice(1))));
