// Drawing on the map of boundaries: a new line or outline point by point, or the vertices of an outline there is:
// drag one, insert on the middle of an edge, delete. By keyboard: Tab to a vertex, arrows move it, Delete removes it.

const search = new URL(import.meta.url).search;
const { el } = await import('./dom.js' + search);

// More handles than this in sight hide what they move, and make the map slow.
const MOST = 220;
const STEP_PX = { false: 2, true: 12 };
const KEPT = 60;

export class Drawing {
  constructor(ui, changed) {
    Object.assign(this, { ui, changed, mode: null, points: [], parts: [], past: [], isDone: false });
    this.onClick = event => { if (this.takes(event.latlng)) L.DomEvent.stopPropagation(event); };
    this.onMove = () => { if (this.mode === 'vertices') this.paint(); };
  }

  // `mode`: line, polygon (a new outline), or vertices of `geometry`.
  start(map, mode, geometry = null) {
    this.stop();
    Object.assign(this, { map, mode, points: [], past: [], isDone: false, parts: geometry ? open(geometry) : [] });
    map.map.on('click', this.onClick);
    map.map.on('moveend zoomend', this.onMove);
    map.map.getContainer().classList.toggle('is-drawing', mode !== 'vertices');
    this.paint();
  }

  stop() {
    if (!this.map) return;
    this.map.map.off('click', this.onClick);
    this.map.map.off('moveend zoomend', this.onMove);
    this.map.map.getContainer().classList.remove('is-drawing');
    this.map.clear('Drawn');
    Object.assign(this, { mode: null, points: [], parts: [], past: [] });
  }

  takes(latlng) {
    if (this.mode !== 'line' && this.mode !== 'polygon') return false;
    if (this.isDone) return false;
    this.points.push([latlng.wrap().lng, latlng.lat]);
    this.told();
    return true;
  }

  // For people without a mouse: the map is moved with the arrow keys, and its middle is the point.
  takeMiddle() { this.takes(this.map.map.getCenter()); }

  get canUndo() { return this.mode === 'vertices' ? this.past.length > 0 : this.points.length > 0; }

  undo() {
    if (this.mode === 'vertices') { const before = this.past.pop(); if (before) this.parts = JSON.parse(before); } else { this.points.pop(); this.isDone = false; }
    this.told();
  }

  finish() { this.isDone = true; this.told(); }

  get isComplete() { return this.mode === 'vertices' ? this.past.length > 0 : this.points.length >= (this.mode === 'line' ? 2 : 3); }

  geometry() {
    if (this.mode === 'line') return { type: 'LineString', coordinates: this.points.map(rounded) };
    if (this.mode === 'polygon') return { type: 'Polygon', coordinates: [[...this.points, this.points[0]].map(rounded)] };
    // An outline that was not touched goes back to the last digit it came with.
    return { type: 'MultiPolygon', coordinates: this.parts.map(rings => rings.map(ring => [...ring, ring[0]])) };
  }

  get nVertices() { return this.parts.reduce((n, rings) => n + rings.reduce((m, ring) => m + ring.length, 0), 0); }

  told() { this.paint(); this.changed(); }

  // ---- drawing

  paint() {
    if (!this.mode) return;
    const { map } = this, { layer, renderer } = map.part('Drawn');
    map.clear('Drawn');
    const style = { renderer, className: 'sg-b-drawn', weight: 3, interactive: false };
    if (this.mode === 'vertices') {
      this.outline = L.polygon(this.parts.map(rings => rings.map(ring => ring.map(latLng))), { ...style }).addTo(layer);
      this.handles(layer);
      return;
    }
    const at = this.points.map(latLng);
    if (at.length > 1) (this.mode === 'line' ? L.polyline(at, { ...style, fill: false }) : L.polygon(at, { ...style, fill: at.length > 2 })).addTo(layer);
    for (const point of at) L.circleMarker(point, { ...style, radius: 5, weight: 2 }).addTo(layer);
  }

  handles(layer) {
    const bounds = this.map.map.getBounds(), found = [];
    this.parts.forEach((rings, p) => rings.forEach((ring, r) => ring.forEach((point, i) => { if (bounds.contains(latLng(point))) found.push([p, r, i]); })));
    this.tooMany = found.length > MOST;
    this.nInSight = found.length;
    if (this.tooMany) return;
    for (const [p, r, i] of found) {
      const ring = this.parts[p][r], next = ring[(i + 1) % ring.length], here = ring[i];
      this.handle(layer, here, 'sg-b-vertex', this.ui.words.t('b_vertex', { n: i + 1 }), { p, r, i });
      const a = this.map.map.latLngToContainerPoint(latLng(here)), b = this.map.map.latLngToContainerPoint(latLng(next));
      if (a.distanceTo(b) > 26) this.handle(layer, [(here[0] + next[0]) / 2, (here[1] + next[1]) / 2], 'sg-b-edge', this.ui.words.t('b_edge', { n: i + 1 }), { p, r, i, isNew: true });
    }
  }

  handle(layer, point, className, name, place) {
    const face = el('span', {}), mark = L.marker(latLng(point), { pane: 'siagaBDrawn', draggable: true, autoPan: true, title: name, alt: name, icon: L.divIcon({ className, html: face, iconSize: [16, 16] }) });
    let at = place;
    mark.on('dragstart', () => { this.remember(); if (at.isNew) at = this.insert(at, point); });
    mark.on('drag', () => { const { lat, lng } = mark.getLatLng(); this.parts[at.p][at.r][at.i] = rounded([lng, lat]); this.outline.setLatLngs(this.parts.map(rings => rings.map(ring => ring.map(latLng)))); });
    mark.on('dragend', () => this.told());
    mark.on('contextmenu dblclick', event => { L.DomEvent.stop(event); if (!place.isNew) this.remove(place); });
    mark.on('click', event => { L.DomEvent.stopPropagation(event); if (place.isNew) { this.remember(); this.insert(place, point); this.told(); } });
    mark.on('add', () => { const node = mark.getElement(); node.dataset.key = [place.isNew ? 'edge' : 'vertex', place.p, place.r, place.i].join(' '); node.addEventListener('keydown', event => this.onKey(event, place, point)); });
    layer.addLayer(mark);
  }

  onKey(event, place, point) {
    const step = STEP_PX[event.shiftKey], move = { ArrowUp: [0, -step], ArrowDown: [0, step], ArrowLeft: [-step, 0], ArrowRight: [step, 0] }[event.key];
    if (move && !place.isNew) {
      this.remember();
      // By the difference of two pixels: the point itself lies between pixels, and only moves the way it is pushed.
      const { map } = this.map, at = map.latLngToContainerPoint(latLng(point)), from = map.containerPointToLatLng(at), to = map.containerPointToLatLng(at.add(move));
      this.parts[place.p][place.r][place.i] = rounded([point[0] + to.lng - from.lng, point[1] + to.lat - from.lat]);
    } else if (['Delete', 'Backspace'].includes(event.key) && !place.isNew) {
      if (!this.remove(place)) return;
    } else if (['Enter', ' '].includes(event.key) && place.isNew) { this.remember(); this.insert(place, point); } else return;
    event.preventDefault();
    event.stopPropagation();
    this.told();
    const key = place.isNew ? ['vertex', place.p, place.r, place.i + 1] : ['vertex', place.p, place.r, place.i];
    document.querySelector('.leaflet-siagaBDrawn-pane [data-key="' + key.join(' ') + '"]')?.focus();
  }

  insert({ p, r, i }, point) {
    this.parts[p][r].splice(i + 1, 0, rounded(point));
    return { p, r, i: i + 1 };
  }

  // A ring keeps three corners.
  remove({ p, r, i }) {
    if (this.parts[p][r].length <= 3) return false;
    this.remember();
    this.parts[p][r].splice(i, 1);
    this.told();
    return true;
  }

  remember() {
    this.past.push(JSON.stringify(this.parts));
    if (this.past.length > KEPT) this.past.shift();
  }
}

const latLng = ([lon, lat]) => L.latLng(lat, lon);
const rounded = ([lon, lat]) => [Math.round(lon * 1e7) / 1e7, Math.round(lat * 1e7) / 1e7];
// Rings without the corner that closes them.
const open = geometry => (geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates).map(rings => rings.map(ring => ring.slice(0, -1).map(([lon, lat]) => [lon, lat])));
