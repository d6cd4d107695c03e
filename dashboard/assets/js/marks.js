// Incidents on the map: DOM markers for the few that matter now (drag, pulse, keyboard), canvas for thousands.

const search = new URL(import.meta.url).search;
const { el } = await import('./dom.js' + search);
const { symbol, paint, radiusOf, shapeOf, colourVariable } = await import('./shapes.js' + search);

const DOM_LIMIT = 300;      // up to here every incident is a DOM marker
const DOM_AMONG_MANY = 60;  // above it, only as many of the most urgent ones

function canvasMark() {
  L.Canvas.include({
    _siagaMark(layer) {
      if (!this._drawing || layer._empty()) return;
      paint(this._ctx, layer.options.row, layer._point.x, layer._point.y, layer.options.colours());
    },
  });
  return L.CircleMarker.extend({ _updatePath() { this._renderer._siagaMark(this); } });
}

export class Marks {
  constructor(map, live, ui, actions) {
    Object.assign(this, { map, live, ui, actions });
    this.marks = new Map();
    this.faces = new Map(); // the DOM ones among them
    this.stacks = new Map(); // point → ids
    this.spots = new Map(); // id → point
    this.asDom = null;
    this.selected = null;
    this.CanvasMark = canvasMark();
    this.renderer = L.canvas({ padding: 0.3, tolerance: 4 });
    this.readColours();
    this.onTheme = () => { this.readColours(); this.marks.forEach(m => m.redraw && m.redraw()); };
    document.addEventListener('siaga:theme', this.onTheme);
  }

  close() { document.removeEventListener('siaga:theme', this.onTheme); }

  readColours() {
    const style = getComputedStyle(this.ui.root), read = name => style.getPropertyValue(name).trim();
    this.colours = { none: read('--sv-none'), edge: read('--mark-edge'), waiting: read('--mark-waiting'), drill: read('--ink'), ground: read('--panel') };
    for (const service of Object.keys(this.ui.me.services)) this.colours[service] = read(colourVariable(service)) || this.colours.none;
  }

  // Which incidents deserve a DOM marker: all while they are few, else the most urgent of those that wait, and the selected one.
  choose() {
    const n = this.live.rows.size;
    if (n <= DOM_LIMIT) return null;
    const waiting = [];
    for (const row of this.live.rows.values()) if (row.isWaiting) waiting.push(row);
    waiting.sort((a, b) => a.severity - b.severity || b.at - a.at);
    const chosen = new Set(waiting.slice(0, DOM_AMONG_MANY).map(row => row.id));
    if (this.selected) chosen.add(this.selected);
    return chosen;
  }

  // Only what changed, and what moves between canvas and DOM, is touched.
  sync(changed, removed) {
    const before = this.asDom;
    this.asDom = this.choose();
    const moved = this.stack(changed, removed);
    for (const row of removed) if (this.marks.has(row.id)) this.remove(row.id);
    if (Boolean(before) !== Boolean(this.asDom) || !this.marks.size) { this.live.rows.forEach(row => this.put(row)); return; }
    for (const row of changed) if (this.live.rows.has(row.id)) this.put(row);
    for (const id of moved) { const face = this.faces.get(id); if (face && !face.siaga.isMoving) this.dress(face); }
    if (!before) return;
    for (const id of before) if (!this.asDom.has(id) && this.live.rows.has(id)) this.put(this.live.rows.get(id));
    for (const id of this.asDom) if (!before.has(id) && this.live.rows.has(id)) this.put(this.live.rows.get(id));
  }

  // Incidents at the very same point: how many, so that the one on top does not hide them. Returns whose number changed.
  stack(changed, removed) {
    const touched = new Set(), spot = row => row.lon.toFixed(5) + ' ' + row.lat.toFixed(5);
    for (const row of [...removed, ...changed]) {
      const old = this.spots.get(row.id), now = this.live.rows.has(row.id) ? spot(row) : null;
      if (old === now) continue;
      if (old) { this.stacks.get(old).delete(row.id); touched.add(old); }
      if (now) { if (!this.stacks.has(now)) this.stacks.set(now, new Set()); this.stacks.get(now).add(row.id); touched.add(now); this.spots.set(row.id, now); } else this.spots.delete(row.id);
    }
    const ids = [];
    for (const each of touched) { const here = this.stacks.get(each); if (here.size) ids.push(...here); else this.stacks.delete(each); }
    return ids;
  }

  // Those at the point of `row`, the most urgent first.
  together(row) {
    const here = this.stacks.get(this.spots.get(row.id));
    return here && here.size > 1 ? [...here].map(id => this.live.rows.get(id)).filter(Boolean).sort((a, b) => Number(b.isWaiting) - Number(a.isWaiting) || a.severity - b.severity || b.at - a.at) : [row];
  }

  // A click goes to the most urgent one at a point; further clicks go through the others.
  pick(row) {
    const here = this.together(row), at = here.findIndex(each => each.id === this.selected);
    this.actions.select((at < 0 ? here[0] : here[(at + 1) % here.length]).id);
  }

  // With the marker the keyboard would be nowhere; the map keeps it.
  remove(id) {
    const mark = this.marks.get(id), hadFocus = mark.siaga.isDom && mark.getElement() === document.activeElement;
    mark.remove();
    this.marks.delete(id);
    this.faces.delete(id);
    if (hadFocus) this.map.getContainer().focus({ preventScroll: true });
  }

  put(row) {
    const isDom = !this.asDom || this.asDom.has(row.id);
    let mark = this.marks.get(row.id);
    if (mark && mark.siaga.isDom !== isDom) { this.remove(row.id); mark = null; }
    if (mark && mark.siaga.row === row) return;
    if (!mark) this.marks.set(row.id, mark = isDom ? this.domMark(row) : this.canvasMark(row));
    else if (mark.siaga.isMoving) { mark.siaga.row = row; return; }
    else if (mark.siaga.row.lon !== row.lon || mark.siaga.row.lat !== row.lat) mark.setLatLng([row.lat, row.lon]);
    mark.siaga.row = row;
    if (isDom) this.dress(mark); else { mark.options.row = row; mark.redraw(); }
  }

  listen(mark, isDom, row) {
    mark.siaga = { isDom, row };
    mark.on('click', event => { L.DomEvent.stop(event); this.pick(mark.siaga.row); });
    mark.bindTooltip(() => this.tip(mark.siaga.row), { direction: 'top', offset: [0, isDom ? -12 : -6], className: 'sg-tip', opacity: 1 });
    return mark;
  }

  canvasMark(row) {
    const options = { renderer: this.renderer, radius: radiusOf(row) * 0.62, row, colours: () => this.colours, bubblingMouseEvents: false };
    return this.listen(new this.CanvasMark([row.lat, row.lon], options).addTo(this.map), false, row);
  }

  domMark(row) {
    const face = el('div', { class: 'sg-mark' });
    const icon = L.divIcon({ className: 'sg-mark-frame', html: face, iconSize: [30, 30] });
    const mark = L.marker([row.lat, row.lon], { icon, draggable: this.actions.canMove, keyboard: true, title: '', alt: row.number, autoPanOnFocus: false }).addTo(this.map);
    this.listen(mark, true, row);
    mark.siaga.face = face;
    this.faces.set(row.id, mark);
    mark.on('dragstart', () => { mark.siaga.isMoving = true; mark.closeTooltip(); });
    mark.on('dragend', () => this.actions.move(mark.siaga.row, mark.getLatLng(), () => {
      mark.siaga.isMoving = false;
      mark.setLatLng([mark.siaga.row.lat, mark.siaga.row.lon]);
      this.dress(mark);
    }));
    return mark;
  }

  // Draw anew only what looks different, so that hover, focus and drag live on.
  dress(mark) {
    const { row, face } = mark.siaga, urgency = this.live.urgency(row), isSelected = row.id === this.selected, here = this.stacks.get(this.spots.get(row.id)), n = here ? here.size : 1;
    // Among real incidents at one point a drill's tag would stand for all of them.
    const isTagged = row.isDrill && (n === 1 || [...here].every(id => this.live.rows.get(id)?.isDrill));
    const look = [row.status, row.service, row.type, row.severity, row.isWaiting, urgency, isSelected, row.origin, n, row.isNobodys, isTagged].join();
    if (mark.siaga.look === look) return;
    mark.siaga.look = look;
    face.className = ['sg-mark', row.isDrill ? 'is-drill' : '', row.isNobodys ? 'is-nobodys' : '', row.isWaiting ? 'is-waiting' : '', ['', 'is-due', 'is-overdue'][urgency], isSelected ? 'is-selected' : '', 'is-' + shapeOf(row)].join(' ');
    face.style.setProperty('--c', 'var(' + colourVariable(row.service) + ',var(--sv-none))');
    const { t } = this.ui.words;
    face.replaceChildren(symbol(row, this.ui.letter(row.service), 30), ...[n > 1 ? el('span', { class: 'sg-mark-n', text: String(n) }) : null, isTagged ? el('span', { class: 'sg-drill', text: t('drill') }) : null].filter(Boolean));
    mark.getElement()?.setAttribute('aria-label', [row.number, ...(row.isDrill ? [t('drill')] : []), this.ui.typeName(row.type), 'S' + row.severity, this.ui.status(row.status), ...(n > 1 ? [t('n_here', { n })] : [])].join(', '));
    const base = row.isDrill ? -2000 : row.isWaiting ? 2000 : 0;
    mark.setZIndexOffset(isSelected ? 6000 : base + (4 - row.severity) * 200);
  }

  // Ageing changes the look without a new row.
  age() { for (const mark of this.faces.values()) if (mark.siaga.row.isWaiting && !mark.siaga.isMoving) this.dress(mark); }

  select(id) {
    const old = this.selected;
    this.selected = id;
    if (this.asDom && id) this.asDom.add(id);
    for (const each of [old, id]) {
      const row = each && this.live.rows.get(each), mark = each && this.marks.get(each);
      if (!row) continue;
      if (mark && mark.siaga.isDom !== (!this.asDom || this.asDom.has(each))) this.put(row);
      else if (mark && mark.siaga.isDom) this.dress(mark);
    }
  }

  tip(row) {
    const ui = this.ui, others = this.together(row).filter(each => each.id !== row.id);
    return el('div', {},
      row.isDrill ? el('b', { class: 'sg-drill', text: ui.words.t('drill') }) : null,
      el('b', { text: row.number + '  ' + ui.typeName(row.type) }),
      el('div', { text: [ui.status(row.status), 'S' + row.severity, ui.words.age(this.live.age(row))].join(' · ') }),
      row.text ? el('div', { class: 'sg-soft', text: row.text.slice(0, 90) }) : null,
      others.length ? el('div', { text: ui.words.t('also_here', { numbers: others.slice(0, 4).map(each => each.number).join(', ') + (others.length > 4 ? ' …' : '') }) }) : null);
  }
}
