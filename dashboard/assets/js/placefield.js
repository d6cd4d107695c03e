// Where: a name the city knows, or coordinates in any usual form.

const search = new URL(import.meta.url).search;
const { el } = await import('./dom.js' + search);
const { readCoordinates } = await import('./coordinates.js' + search);

const WAIT_MS = 140;

export class PlaceField {
  // onText(text), onPoint({lon, lat, accuracy_m, method, name?}), onOther(): the words no longer say where the point is
  constructor(ui, { onText, onPoint, onOther }) {
    Object.assign(this, { ui, onText, onPoint, onOther, places: [], at: 0, pointText: null });
    const { t } = ui.words;
    this.input = el('input', {
      class: 'sg-input', role: 'combobox', 'aria-expanded': 'false', 'aria-autocomplete': 'list', 'aria-controls': 'sg-places', autocomplete: 'off', spellcheck: 'false',
      placeholder: t('place_hint'), 'aria-label': t('place'), oninput: () => this.onInput(), onkeydown: event => this.onKey(event), onblur: () => setTimeout(() => this.hide(), 150),
    });
    this.list = el('ul', { class: 'sg-places', role: 'listbox', id: 'sg-places', hidden: true });
    this.root = el('div', { class: 'sg-place' }, this.input, this.list);
  }

  onInput() {
    const text = this.input.value;
    this.onText(text);
    const point = readCoordinates(text, this.ui.me.city);
    if (point) { this.hide(); this.point(point); return; }
    // More words about the place keep its point ("Lippo Plaza, lantai dua"); other words are another place.
    if (this.pointText !== null && !text.trim().startsWith(this.pointText)) { this.pointText = null; this.onOther(); }
    this.ask(text);
  }

  // The point the words in the field stand for.
  point(point) {
    this.pointText = this.input.value.trim();
    this.onPoint(point);
  }

  ask(text) {
    clearTimeout(this.timer);
    if (text.trim().length < 2) { this.hide(); return; }
    this.timer = setTimeout(async () => { this.show(await this.find(text)); }, WAIT_MS);
  }

  // Names like `text`, best first; empty when the server is away.
  async find(text) {
    if (this.running) this.running.abort();
    this.running = new AbortController();
    try {
      return (await this.ui.api.get('/api/places?q=' + encodeURIComponent(text.trim().slice(0, 120)), { signal: this.running.signal, timeout: 4000 })).places || [];
    } catch { return []; }
  }

  // For the command line: coordinates, else the best name.
  async resolve(text) {
    this.input.value = text;
    this.onText(text);
    const point = readCoordinates(text, this.ui.me.city);
    if (point) { this.point(point); return true; }
    const [best] = await this.find(text);
    if (best) this.pick(best, text);
    return Boolean(best);
  }

  show(places) {
    if (document.activeElement !== this.input) return;
    this.places = places.slice(0, 8);
    this.at = 0;
    this.draw();
  }

  draw() {
    this.list.replaceChildren(...this.places.map((place, i) => el('li', {
      role: 'option', id: 'sg-place-' + i, 'aria-selected': String(i === this.at), onmousedown: event => { event.preventDefault(); this.pick(place); },
    }, el('b', { text: place.name }), el('span', { class: 'sg-soft', text: [this.ui.words.has('kind_' + place.kind) ? this.ui.words.t('kind_' + place.kind) : place.kind, '± ' + this.ui.words.metres(place.accuracy_m)].join(' · ') }))));
    this.list.hidden = !this.places.length;
    this.input.setAttribute('aria-expanded', String(!this.list.hidden));
    if (this.places.length) this.input.setAttribute('aria-activedescendant', 'sg-place-' + this.at); else this.input.removeAttribute('aria-activedescendant');
  }

  hide() { this.places = []; clearTimeout(this.timer); this.draw(); }

  // What the caller said stays when it says more than the name ("depan Lippo Plaza").
  pick(place, said) {
    const text = (said ?? this.input.value).trim(), extra = /^(depan|samping|belakang|dekat|seberang|simpang|lorong|jembatan|sebelum|setelah|arah|in front|behind|near|opposite)\b/i.test(text);
    const name = extra && !place.name.toLowerCase().startsWith(text.toLowerCase()) ? text : place.name;
    this.input.value = name;
    this.onText(name);
    this.point({ lon: place.lon, lat: place.lat, accuracy_m: place.accuracy_m, method: 'landmark' });
    this.hide();
  }

  onKey(event) {
    if (!this.places.length) return;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) { event.preventDefault(); this.at = (this.at + move + this.places.length) % this.places.length; this.draw(); }
    else if (event.key === 'Enter' && !event.ctrlKey) { event.preventDefault(); this.pick(this.places[this.at]); }
    else if (event.key === 'Tab' && !event.shiftKey) this.pick(this.places[this.at]);
    else if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); this.hide(); }
  }
}
