// Streets that are shut or slowed: on the map for everybody, in a list, opened and ended by operators.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { Draft } = await import('./closuredraft.js' + search);

const AGAIN_MS = 1000;

export class Closures {
  // `mayClose`: whether this person may open and end closures. `formPoint`: where the report being written lies.
  // `inSight`: the incident that is open, which the panel must not cover either.
  constructor(ui, { mayClose, say, ask, formPoint, inSight, now }) {
    Object.assign(this, { ui, mayClose, say, ask, formPoint, inSight, now });
    this.items = [];
    this.answer = null;
    this.body = el('div', { class: 'sg-closures-body' });
    this.root = el('section', { class: 'sg-closures', hidden: true, 'aria-label': ui.words.t('closures'), tabindex: '-1', onkeydown: event => this.onKey(event) }, this.body);
    this.button = button('', () => this.toggle(), { class: 'sg-map-button', 'aria-pressed': 'false' });
    this.draft = mayClose ? new Draft(ui, { formPoint, now, reveal: point => this.reveal(point), saved: answer => this.saved(answer), closed: () => this.draw() }) : null;
    this.drawButton();
  }

  attach(map) {
    this.map = map;
    const pane = map.getPane('siagaClosures') || map.createPane('siagaClosures');
    pane.style.zIndex = 405;
    this.renderer = L.svg({ pane: 'siagaClosures', padding: 0.3 });
    this.layer = L.layerGroup().addTo(map);
    if (this.draft) this.draft.attach(map);
    this.read();
  }

  close() { clearTimeout(this.timer); if (this.draft) this.draft.stop(); }

  // A click or key on the map while something is being drawn belongs to the drawing.
  takes(latlng) { return Boolean(this.draft) && this.draft.takes(latlng); }

  get isDrawing() { return Boolean(this.draft) && this.draft.isActive; }

  toggle(isOpen = this.root.hidden) {
    this.root.hidden = !isOpen;
    this.button.setAttribute('aria-pressed', String(isOpen));
    if (isOpen) {
      this.draw();
      this.read();
      this.root.focus({ preventScroll: true });
      const point = this.formPoint() || this.inSight();
      if (point) this.reveal(L.latLng(point.lat, point.lon));
    } else if (this.draft) this.draft.stop();
  }

  // Moves the map only when the panel covers the point.
  reveal(latlng) {
    const at = this.map.latLngToContainerPoint(latlng), right = this.root.offsetLeft + this.root.offsetWidth + 30;
    if (at.x > this.root.offsetLeft - 20 && at.x < right && at.y > 0 && at.y < this.root.offsetTop + this.root.offsetHeight + 20) this.map.panBy([at.x - right - 40, 0]);
  }

  keep() { return { isOpen: !this.root.hidden, draft: this.draft && this.draft.keep() }; }

  restore({ isOpen, draft }) {
    if (!isOpen) return;
    if (draft) this.draft.resume(draft);
    this.toggle(true);
  }

  onKey(event) {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    event.preventDefault();
    if (this.isDrawing) this.stopDrawing(); else { this.toggle(false); this.button.focus(); }
  }

  stopDrawing() { this.draft.stop(); this.draw(); }

  async read() {
    clearTimeout(this.timer);
    try {
      this.answer = await this.ui.api.get('/api/closures');
      this.items = this.answer.items;
      this.paint();
      this.drawButton();
      if (!this.root.hidden && !this.isDrawing) this.draw();
      // The worker needs a moment; until then the panel says that times are still those of before.
      if (!this.answer.travel_times.is_current) this.timer = setTimeout(() => this.read(), AGAIN_MS);
    } catch (error) {
      console.debug('siaga closures', error.message);
      this.timer = setTimeout(() => this.read(), 5 * AGAIN_MS);
    }
  }

  drawButton() {
    const n = this.items.filter(item => item.state === 'in_force').length;
    this.button.textContent = this.ui.words.t('closures') + (n ? ' (' + n + ')' : '');
  }

  // ---- the map: dashes say what it is, a label says why

  paint() {
    this.layer.clearLayers();
    for (const item of this.items) {
      const shape = item.edges || item.geometry, kind = item.state === 'planned' ? 'is-planned' : item.factor ? 'is-slow' : 'is-shut';
      for (const [part, className] of [['casing', 'sg-closure-casing'], ['line', 'sg-closure ' + kind]]) {
        L.geoJSON(shape, { interactive: false, style: { renderer: this.renderer, className, weight: part === 'casing' ? 9 : 5, fill: shape.type === 'Polygon' } }).addTo(this.layer);
      }
      const at = middle(shape);
      if (!at) continue;
      const icon = L.divIcon({ className: 'sg-closure-frame', html: el('span', { class: 'sg-closure-label ' + kind, text: this.short(item) }), iconSize: null });
      const mark = L.marker(at, { icon, pane: 'siagaClosures', keyboard: false, alt: this.long(item) });
      mark.bindTooltip(() => el('div', {}, el('b', { text: this.short(item) }), el('div', { class: 'sg-soft', text: this.long(item) })), { direction: 'top', className: 'sg-tip', opacity: 1 });
      mark.on('click', () => { if (!this.isDrawing) this.toggle(true); });
      mark.addTo(this.layer);
    }
  }

  what(item) { const { t, number } = this.ui.words; return item.factor ? t('closure_slow', { n: number.call(this.ui.words, item.factor, item.factor % 1 ? 1 : 0) }) : t('closure_shut'); }

  short(item) { return this.what(item) + ': ' + (item.reason.length > 28 ? item.reason.slice(0, 27) + '…' : item.reason); }

  long(item) { return [item.streets.slice(0, 3).join(', ') + (item.streets.length > 3 ? ' …' : ''), this.when(item)].filter(Boolean).join(' · '); }

  when(item) {
    const { words } = this.ui, short = time => words.day(time) + ' ' + words.clock(time).slice(0, 5);
    const from = item.state === 'planned' ? words.t('closure_from', { time: short(item.from) }) + ' ' : '';
    return from + (item.until ? words.t('closure_until', { time: short(item.until) }) : words.t('closure_open_end'));
  }

  // ---- the list

  draw() {
    const { t } = this.ui.words, parts = [];
    parts.push(el('header', { class: 'sg-line' }, el('h2', { class: 'sg-grow', text: t('closures') }), button('×', () => { this.toggle(false); this.button.focus(); }, { class: 'sg-close', 'aria-label': t('close_panel') })));
    if (this.isDrawing) parts.push(this.draft.root);
    else {
      if (this.mayClose) parts.push(button(t('closure_new'), () => { this.draft.start(); this.draw(); }, { class: 'sg-primary sg-closure-new' }));
      parts.push(...this.remarks());
      parts.push(this.items.length ? el('ul', { class: 'sg-closure-list' }, this.items.map(item => this.entry(item))) : el('p', { class: 'sg-soft', text: t('closure_none') }));
    }
    redraw(this.body, parts);
  }

  remarks() {
    const { answer } = this, { t } = this.ui.words;
    if (!answer) return [];
    const said = answer.warnings.map(text => el('p', { class: 'sg-closure-warning', text }));
    const lost = answer.cut_off.kelurahan.map(one => el('li', { text: t('closure_lost', { name: one.name, share: this.ui.words.percent(one.share), services: one.services.map(code => this.ui.me.services[code] || code).join(', ') }) }));
    if (lost.length) said.push(el('details', {}, el('summary', { text: t('closure_lost_title') }), el('ul', {}, lost)));
    if (!answer.travel_times.is_current) said.push(el('p', { class: 'sg-soft', role: 'status', text: answer.travel_times.made_at ? t('closure_pending', { time: this.ui.words.clock(answer.travel_times.made_at) }) : t('closure_no_fields') }));
    return said;
  }

  entry(item) {
    const { t } = this.ui.words, vehicles = item.profiles && item.profiles.map(code => this.ui.label('profile', code)).join(', ');
    return el('li', { class: 'sg-closure-item' },
      el('div', { class: 'sg-line' }, el('b', { class: 'sg-grow sg-clip', text: item.reason }), el('span', { class: 'sg-state', text: item.state_label })),
      el('div', { class: 'sg-soft', text: [this.what(item), this.ui.words.metres(item.length_m), vehicles].filter(Boolean).join(' · ') }),
      el('div', { class: 'sg-soft', text: this.long(item) }),
      el('div', { class: 'sg-line' },
        button(t('show'), () => this.show(item), { class: 'sg-small', 'data-key': 'show-' + item.closure_id }),
        this.mayClose ? button(t('closure_reopen'), () => this.reopen(item), { class: 'sg-small', 'data-key': 'reopen-' + item.closure_id }) : null));
  }

  show(item) {
    const bounds = L.geoJSON(item.edges || item.geometry).getBounds();
    this.map.fitBounds(bounds.pad(0.3), { maxZoom: 17, paddingTopLeft: [this.root.offsetWidth + 60, 40] });
  }

  async reopen(item) {
    const { t } = this.ui.words;
    if (!await this.ask(t('closure_reopen_question', { reason: item.reason }), [[true, t('closure_reopen')]])) return;
    try {
      await this.ui.api.send('DELETE', '/api/closures/' + encodeURIComponent(item.closure_id));
      this.say(t('closure_reopened', { reason: item.reason }), 'ok');
    } catch (error) { this.say(error.isRefusal ? error.lines().join(' ') : t('not_sent'), 'warn'); }
    this.read();
  }

  saved(answer) {
    const { t } = this.ui.words;
    this.say(t('closure_saved', { what: this.what(answer), n: answer.n_edges, streets: answer.streets.slice(0, 3).join(', ') || t('closure_unnamed') }), 'ok', 9000);
    for (const text of answer.warnings) this.say(text, 'warn', 15000);
    this.draw();
    this.read();
  }
}

// A vertex in the middle of the longest part: on the street, where a centre of mass may not be.
function middle(shape) {
  const parts = { LineString: () => [shape.coordinates], MultiLineString: () => shape.coordinates, Polygon: () => [shape.coordinates[0]] }[shape.type];
  if (!parts) return null;
  const longest = parts().reduce((best, part) => (part.length > best.length ? part : best), []);
  const [a, b] = [longest[Math.floor((longest.length - 1) / 2)], longest[Math.ceil((longest.length - 1) / 2)]];
  return a && b ? [(a[1] + b[1]) / 2, (a[0] + b[0]) / 2] : null;
}
