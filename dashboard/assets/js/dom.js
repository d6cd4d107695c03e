// Elements, wording and numbers. Text from the server only ever becomes textContent.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'text') node.textContent = value;
    else if (name === 'class') node.setAttribute('class', value);
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked' || name === 'hidden' || name === 'disabled') node[name] = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return node;
}

export const el = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

export function button(text, action, properties) {
  return el('button', { type: 'button', ...properties, text, onclick: action });
}

// What a pointer is held down on. A button replaced between press and release would never hear its click, so what holds
// it is drawn anew after that; of several drawings the last one counts.
let held = null;
const late = new Map();
document.addEventListener('pointerdown', event => { held = event.target; }, true);
for (const name of ['pointerup', 'pointercancel']) {
  document.addEventListener(name, () => setTimeout(() => {
    held = null;
    const waiting = [...late];
    late.clear();
    for (const [root, parts] of waiting) redraw(root, parts);
  }), true);
}

// New children, and the keyboard stays where it was: on the same field, or on the button that says the same. Buttons
// that say the same of different things carry a `data-key`, so that Enter never does to one what was meant for another.
export function redraw(root, parts) {
  if (held && root.contains(held)) { late.set(root, parts); return; }
  late.delete(root);
  const active = root.contains(document.activeElement) ? document.activeElement : null;
  const name = node => node.tagName + (node.dataset.key || node.getAttribute('aria-label') || node.textContent);
  const like = () => [...root.querySelectorAll('button, input, select, textarea')].filter(node => name(node) === wanted);
  const wanted = active && name(active), at = active ? like().indexOf(active) : -1;
  root.replaceChildren(...parts);
  if (!active) return;
  const again = root.contains(active) ? active : like()[at] || like()[0] || root.closest('[tabindex]');
  if (again) again.focus({ preventScroll: true });
}

// A key cap beside the words of a button.
export const keyCap = text => el('kbd', { text });

export class Wording {
  constructor(text, language, timeZone) {
    this.text = text;
    this.language = language;
    this.timeZone = timeZone;
    this.t = this.t.bind(this);
  }

  t(key, values) {
    const text = this.text[key] ?? key;
    return values ? text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : text;
  }

  has(key) { return key in this.text; }

  number(value, digits = 0) {
    return Number(value).toLocaleString(this.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  // Seconds as an operator says them: 45 dtk, 3 mnt, 2 j 05 mnt, 3 hari.
  age(seconds) {
    const s = Math.max(0, Math.round(seconds));
    if (s < 60) return s + ' ' + this.t('unit_s');
    if (s < 3600) return Math.floor(s / 60) + ' ' + this.t('unit_min');
    if (s < 86400) return Math.floor(s / 3600) + ' ' + this.t('unit_h') + ' ' + String(Math.floor(s / 60) % 60).padStart(2, '0');
    return Math.floor(s / 86400) + ' ' + this.t('unit_d');
  }

  travel(seconds) { return this.number(seconds / 60, seconds < 600 ? 1 : 0) + ' ' + this.t('unit_min'); }

  metres(value) { return value < 1000 ? Math.round(value) + ' m' : this.number(value / 1000, value < 10000 ? 1 : 0) + ' km'; }

  percent(share) { return Math.round(share * 100) + ' %'; }

  clock(time) {
    const options = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
    if (this.timeZone) options.timeZone = this.timeZone;
    return new Date(time).toLocaleTimeString('en-GB', options);
  }

  day(time) {
    const options = { day: 'numeric', month: 'short' };
    if (this.timeZone) options.timeZone = this.timeZone;
    return new Date(time).toLocaleDateString(this.language, options);
  }
}
