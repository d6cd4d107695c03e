// Small parts every view of the boundary page uses: fields, moments of the city's clock, areas, tables, bars.

const search = new URL(import.meta.url).search;
const { el } = await import('./dom.js' + search);

// 24 Nov 2026, 18.00 on the city's clock.
export function stamp(words, time) {
  const options = { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  if (words.timeZone) options.timeZone = words.timeZone;
  return new Date(time).toLocaleString(words.language, options);
}

// "2026-11-24T18:00" of a moment on the city's clock, as a datetime-local field wants it.
export function localField(words, time) {
  const options = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  if (words.timeZone) options.timeZone = words.timeZone;
  return new Date(time).toLocaleString('sv-SE', options).replace(' ', 'T');
}

export function ground(words, m2) {
  if (m2 === null || m2 === undefined) return '–';
  return Math.abs(m2) < 100000 ? words.number(m2) + ' m²' : words.number(m2 / 1e6, 2) + ' km²';
}

export const travel = (words, seconds) => (seconds === null || seconds === undefined ? '–' : words.travel(seconds));

let last = 0;
export function field(label, control, more) {
  control.id ||= 'sg-b' + ++last;
  return el('div', { class: 'sg-b-field', ...more }, el('label', { for: control.id, text: label }), control);
}

export function input(key, value, onInput, properties) {
  return el('input', { class: 'sg-input', 'data-key': key, value, autocomplete: 'off', oninput: event => onInput(event.target.value), ...properties });
}

export function area(key, value, onInput, properties) {
  return el('textarea', { class: 'sg-input', 'data-key': key, value, rows: 3, oninput: event => onInput(event.target.value), ...properties });
}

// Options are pairs of value and text.
export function select(key, options, value, onChange, properties) {
  return el('select', { class: 'sg-input', 'data-key': key, onchange: event => onChange(event.target.value), ...properties },
    options.map(([code, text]) => el('option', { value: code, text, selected: String(code) === String(value) })));
}

// Rows of cells; a cell is a text or {text, isNumber}. A row may be chosen.
export function table(heads, rows, { pick, isChosen } = {}) {
  const cell = (tag, one) => el(tag, { class: one && one.isNumber ? 'is-number' : null, text: one === null || one === undefined ? '' : typeof one === 'object' ? one.text : String(one) });
  return el('div', { class: 'sg-b-scroll', tabindex: rows.length > 8 ? '0' : null },
    el('table', { class: 'sg-b-table' }, el('thead', {}, el('tr', {}, heads.map(one => cell('th', one)))),
      el('tbody', {}, rows.map((row, i) => el('tr', pick ? { class: isChosen && isChosen(i) ? 'is-chosen' : null, tabindex: '0', role: 'button', 'data-key': 'row ' + i, onclick: () => pick(i), onkeydown: event => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); pick(i); } } } : {},
        row.map(one => cell('td', one)))))));
}

export const number = (words, value, digits = 0) => ({ text: value === null || value === undefined ? '–' : words.number(value, digits), isNumber: true });

// Bars with their figures; `parts` are {name, n, nInner}: the inner part is the darker one.
export function bars(words, parts) {
  const most = Math.max(1, ...parts.map(one => one.n));
  return el('ul', { class: 'sg-b-bars' }, parts.map(one => el('li', {}, el('span', { class: 'sg-clip', text: one.name, title: one.name }),
    el('span', { class: 'sg-b-bar' }, el('i', { style: 'width:' + (100 * one.n / most).toFixed(1) + '%' }), el('i', { class: 'is-inner', style: 'width:' + (100 * (one.nInner || 0) / most).toFixed(1) + '%' })),
    el('span', { class: 'sg-num', text: words.number(one.n) }))));
}

// A refusal in the words of the server; which member of a body it is about is no word for people.
export const said = error => [...new Set(error.errors.map(one => [one.reason, one.hint].filter(Boolean).join(' — ')))].join('. ') || error.message;

// A file the browser itself has made.
export function download(name, text, kind = 'text/csv;charset=utf-8') {
  const url = URL.createObjectURL(new Blob(['\ufeff' + text], { type: kind })), link = el('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// A spreadsheet program runs a cell that begins like this; the same list as in gis/spreadsheet.py.
const FORMULA = /^ *[=+\-@\t\r\n|%\uff1d\uff0b\uff0d\uff20]/;
export function csvCell(value) {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'number' ? String(value) : FORMULA.test(String(value)) ? "'" + value : String(value);
  return /[",;\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
}

export const csv = rows => rows.map(row => row.map(csvCell).join(',')).join('\r\n') + '\r\n';

// The part of a GeoJSON polygon in which a point lies decides whose it is; holes count.
export function holds(geometry, [lon, lat]) {
  const inRing = ring => {
    let isInside = false;
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi, yi] = ring[i], [xj, yj] = ring[j];
      if (yi > lat !== yj > lat && lon < ((xj - xi) * (lat - yi)) / (yj - yi) + xi) isInside = !isInside;
    }
    return isInside;
  };
  const parts = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  return parts.some(([outer, ...inner]) => inRing(outer) && !inner.some(inRing));
}
