// A closure being drawn: a click on a street, a line or an area, and then why, for whom and until when.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);

const { newKey } = await import('./outbox.js' + search);

const HOURS = [1, 2, 4, 8, 24, 72];
const FACTORS = [2, 3, 5];
const VEHICLES = { cars: ['ambulance', 'car', 'fire_engine'], large: ['fire_engine'] };

// Minutes the city's clock is ahead of UTC at a moment.
function offsetMinutes(time, zone) {
  const parts = Object.fromEntries(new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' }).formatToParts(time).map(part => [part.type, Number(part.value)]));
  return Math.round((Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute) - Math.floor(time / 60000) * 60000) / 60000);
}

// "2026-01-31T18:00" on the city's clock as RFC 3339.
export function cityTime(text, zone) {
  const naive = Date.parse(text + 'Z');
  if (!Number.isFinite(naive)) return null;
  const first = naive - offsetMinutes(naive, zone) * 60000;
  return new Date(naive - offsetMinutes(first, zone) * 60000).toISOString();
}

export class Draft {
  // `reveal(latlng)`: moves the map when the panel covers the point.
  constructor(ui, { formPoint, now, reveal, saved, closed }) {
    Object.assign(this, { ui, formPoint, now, reveal, saved, closed });
    this.root = el('div', { class: 'sg-closure-draft' });
    this.isActive = false;
  }

  attach(map) {
    this.map = map;
    this.layer = L.layerGroup().addTo(map);
    this.renderer = L.svg({ pane: 'siagaClosures', padding: 0.3 });
  }

  start() {
    Object.assign(this, { isActive: true, mode: 'point', points: [], isDone: false, problem: '', street: null, isBusy: false, sending: null, fields: { reason: '', hours: '', at: '', factor: '', vehicles: '' } });
    this.map.getContainer().classList.add('is-drawing');
    this.draw();
  }

  stop() {
    this.isActive = false;
    this.layer.clearLayers();
    this.map.getContainer().classList.remove('is-drawing');
  }

  keep() {
    const { isActive, mode, points, isDone, fields, sending } = this;
    return isActive ? { mode, points, isDone, fields, sending } : null;
  }

  resume(kept) {
    this.start();
    Object.assign(this, kept);
    this.draw();
    if (this.mode === 'point' && this.isDone) this.look();
  }

  choose(mode) { Object.assign(this, { mode, points: [], isDone: false, problem: '', street: null }); this.draw(); }

  takes(latlng) {
    if (!this.isActive) return false;
    if (this.mode === 'point') { this.points = [latlng]; this.isDone = true; this.street = null; this.reveal(latlng); this.look(); }
    else if (!this.isDone) this.points.push(latlng);
    this.problem = '';
    this.draw();
    return true;
  }

  // Which street the click is on, shown before anything is closed.
  async look() {
    const [point] = this.points, at = point.wrap(), query = new URLSearchParams({ lon: round(at.lng), lat: round(at.lat) });
    if (VEHICLES[this.fields.vehicles]) query.set('profiles', VEHICLES[this.fields.vehicles].join());
    try {
      const street = await this.ui.api.get('/api/closures/street?' + query);
      if (!this.isActive || this.points[0] !== point) return;
      this.street = street;
    } catch (error) {
      if (!this.isActive || this.points[0] !== point) return;
      this.problem = error.isRefusal ? error.lines().join(' ') : '';
    }
    this.draw();
  }

  get least() { return { point: 1, line: 2, polygon: 3 }[this.mode]; }

  finish() { this.isDone = true; this.draw(); this.root.querySelector('input')?.focus(); }

  undo() { this.points.pop(); this.isDone = false; this.draw(); }

  // ---- drawing

  paint() {
    this.layer.clearLayers();
    const style = { renderer: this.renderer, className: 'sg-closure-drawn', interactive: false };
    if (this.mode === 'line' && this.points.length > 1) L.polyline(this.points, { ...style, weight: 4 }).addTo(this.layer);
    if (this.mode === 'polygon' && this.points.length > 1) L.polygon(this.points, { ...style, weight: 3, fill: this.points.length > 2 }).addTo(this.layer);
    if (this.street) L.geoJSON(this.street.geometry, { interactive: false, style: { ...style, className: 'sg-closure-drawn sg-closure-chosen', weight: 6 } }).addTo(this.layer);
    for (const point of this.points) L.circleMarker(point, { ...style, radius: 5, weight: 2, fill: true }).addTo(this.layer);
  }

  draw() {
    const { t } = this.ui.words;
    this.paint();
    const modes = ['point', 'line', 'polygon'].map(mode => button(t('closure_mode_' + mode), () => this.choose(mode), { class: 'sg-small', 'aria-pressed': String(mode === this.mode) }));
    const isDrawn = this.points.length >= this.least, formPoint = this.mode === 'point' ? this.formPoint() : null;
    const steps = [
      el('div', { class: 'sg-line sg-wrap', role: 'group', 'aria-label': t('closure_how') }, modes),
      el('p', { class: 'sg-soft', role: 'status', text: this.street ? t('closure_street', { street: this.street.streets.join(', ') || t('closure_unnamed'), length: this.ui.words.metres(this.street.length_m) }) : this.isDone ? t('closure_drawn') : t('closure_hint_' + this.mode, { n: this.points.length }) }),
      formPoint ? button(t('closure_at_report'), () => this.takes(L.latLng(formPoint.lat, formPoint.lon)), { class: 'sg-small' }) : null,
      this.mode === 'point' ? null : el('div', { class: 'sg-line' },
        button(t('closure_finish'), () => this.finish(), { class: 'sg-small', disabled: !isDrawn || this.isDone }),
        button(t('closure_undo'), () => this.undo(), { class: 'sg-small', disabled: !this.points.length })),
    ];
    redraw(this.root, [...steps.filter(Boolean), this.form(isDrawn)]);
  }

  form(isDrawn) {
    const { t } = this.ui.words, { fields } = this;
    const select = (name, options) => el('label', {}, el('span', { text: t('closure_' + name) }),
      el('select', { class: 'sg-input', 'data-key': 'closure-' + name, onchange: event => { fields[name] = event.target.value; this.draw(); if (name === 'vehicles' && this.mode === 'point' && this.isDone) this.look(); } },
        options.map(([value, text]) => el('option', { value, text, selected: value === fields[name] }))));
    return el('form', { class: 'sg-closure-form', novalidate: true, onsubmit: event => { event.preventDefault(); this.save(); } },
      el('label', {}, el('span', { text: t('closure_reason') }),
        el('input', { class: 'sg-input', 'data-key': 'closure-reason', maxlength: 200, 'aria-required': 'true', value: fields.reason, placeholder: t('closure_reason_hint'), oninput: event => { fields.reason = event.target.value; } })),
      select('hours', [['', t('closure_open_end')], ...HOURS.map(h => [String(h), t('closure_for_hours', { n: h })]), ['at', t('closure_at_time')]]),
      fields.hours === 'at' ? el('label', {}, el('span', { text: t('closure_at') }),
        el('input', { class: 'sg-input', type: 'datetime-local', 'data-key': 'closure-at', 'aria-required': 'true', value: fields.at, oninput: event => { fields.at = event.target.value; } })) : null,
      select('factor', [['', t('closure_shut')], ...FACTORS.map(n => [String(n), t('closure_slow', { n })])]),
      select('vehicles', [['', t('closure_all')], ['cars', t('closure_cars')], ['large', t('closure_large')]]),
      this.problem ? el('p', { class: 'sg-closure-warning', role: 'alert', text: this.problem }) : null,
      el('div', { class: 'sg-line' },
        el('button', { type: 'submit', class: 'sg-primary', text: t('closure_save'), disabled: !isDrawn || this.isBusy }),
        button(t('back'), () => { this.stop(); this.closed(); }, { class: 'sg-quiet' })));
  }

  body() {
    const { fields, points } = this, xy = points.map(point => { const p = point.wrap(); return [round(p.lng), round(p.lat)]; });
    const place = this.mode === 'point' ? { lon: xy[0][0], lat: xy[0][1] }
      : { geometry: this.mode === 'line' ? { type: 'LineString', coordinates: xy } : { type: 'Polygon', coordinates: [[...xy, xy[0]]] } };
    const until = fields.hours === 'at' ? cityTime(fields.at, this.ui.me.city.time_zone) : fields.hours ? new Date((this.now() + Number(fields.hours) * 3600) * 1000).toISOString() : null;
    return { ...place, reason: fields.reason.trim(), until, factor: fields.factor ? Number(fields.factor) : null, profiles: VEHICLES[fields.vehicles] || null };
  }

  async save() {
    if (this.isBusy || this.points.length < this.least) return;
    const { fields } = this, missing = !fields.reason.trim() ? 'reason' : fields.hours === 'at' && !fields.at ? 'at' : null;
    if (missing) {
      this.problem = this.ui.words.t('closure_need_' + missing);
      this.draw();
      this.root.querySelector('[data-key="closure-' + missing + '"]')?.focus();
      return;
    }
    // Sent again unchanged, after a server that did not answer, it is the same closure and not a second one.
    const asked = JSON.stringify([this.mode, this.points, fields]);
    if (!this.sending || this.sending.asked !== asked) this.sending = { asked, key: newKey(), body: this.body() };
    this.isBusy = true;
    try {
      const answer = await this.ui.api.post('/api/closures', this.sending.body, { 'Idempotency-Key': this.sending.key });
      this.stop();
      this.saved(answer);
    } catch (error) {
      this.problem = error.isRefusal ? error.lines().join(' ') : this.ui.words.t('not_sent');
    } finally {
      this.isBusy = false;
      if (this.isActive) this.draw();
    }
  }
}

const round = degrees => Math.round(degrees * 1e7) / 1e7;
