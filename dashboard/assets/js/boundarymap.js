// The map of the boundary page: the set in force, what is chosen, old and new outlines, faults in red, points.

const search = new URL(import.meta.url).search;
const { el } = await import('./dom.js' + search);
const { colourVariable } = await import('./shapes.js' + search);
const { ground } = await import('./boundaryparts.js' + search);

const NAMED = 40; // more names than this hide the map

export class BoundaryMap {
  constructor(map, ui) {
    Object.assign(this, { map, ui, layers: {} });
    for (const [name, order] of [['Set', 404], ['Areas', 406], ['Marks', 412], ['Drawn', 430]]) {
      const pane = map.createPane('siagaB' + name);
      pane.style.zIndex = order;
      this.layers[name] = { layer: L.layerGroup().addTo(map), renderer: L.svg({ pane: 'siagaB' + name, padding: 0.4 }) };
    }
    // Above the names of the street map.
    const names = map.createPane('siagaBNames');
    names.style.zIndex = 455;
    names.style.pointerEvents = 'none';
    this.onPick = null;
  }

  part(name) { return this.layers[name]; }

  clear(...names) { for (const name of names.length ? names : ['Areas', 'Marks', 'Drawn']) this.part(name).layer.clearLayers(); }

  // ---- the set in force

  showSet(collection, chosen) {
    const { layer, renderer } = this.part('Set'), { words } = this.ui;
    layer.clearLayers();
    this.collection = collection;
    const colour = 'var(' + colourVariable(collection.service) + ',var(--sv-none))';
    const areal = collection.features.filter(one => one.geometry);
    // Priority 1 wins, so it lies on top.
    for (const feature of areal.slice().sort((a, b) => b.properties.priority - a.properties.priority)) {
      const p = feature.properties, className = 'sg-b-area' + (p.is_citywide ? ' is-citywide' : '') + (p.jurisdiction === chosen ? ' is-chosen' : '') + (p.is_approximate ? ' is-approximate' : '');
      const shape = L.geoJSON(feature.geometry, { style: () => ({ renderer, className, weight: p.jurisdiction === chosen ? 3.5 : 1.6, interactive: !p.is_citywide }), interactive: !p.is_citywide });
      shape.eachLayer(one => one.on('add', () => { const node = one.getElement(); if (node) node.style.setProperty('--c', colour); }));
      if (!p.is_citywide) {
        shape.bindTooltip(() => el('div', {}, el('b', { text: p.name }), el('div', { class: 'sg-soft', text: [p.jurisdiction, words.t('b_version', { n: p.version }), ground(words, p.area_m2)].join(' · ') })), { sticky: true, className: 'sg-tip', opacity: 1 });
        shape.on('click', event => { if (this.onPick && this.onPick(p, event.latlng)) L.DomEvent.stopPropagation(event); });
      }
      layer.addLayer(shape);
      if (!p.is_citywide && areal.length <= NAMED) this.name(layer, middleOf(shape), p.name);
    }
    return layer;
  }

  boundsOfSet() {
    const shapes = (this.collection ? this.collection.features : []).filter(one => one.geometry && !one.properties.is_citywide);
    return shapes.length ? L.geoJSON({ type: 'FeatureCollection', features: shapes }).getBounds() : null;
  }

  feature(jurisdiction) { return this.collection && this.collection.features.find(one => one.properties.jurisdiction === jurisdiction); }

  // ---- marks

  shape(geometry, className, { to = 'Marks', weight = 2.5, name = '', tip = null, isInteractive = Boolean(tip) } = {}) {
    if (!geometry) return null;
    const { layer, renderer } = this.part(to);
    const shape = L.geoJSON(geometry, {
      interactive: isInteractive, style: () => ({ renderer, className, weight, interactive: isInteractive }),
      pointToLayer: (_, latlng) => L.circleMarker(latlng, { renderer, className, radius: 6, weight, interactive: isInteractive }),
    }).addTo(layer);
    if (tip) shape.bindTooltip(() => el('div', {}, tip.split('\n').map((text, i) => el(i ? 'div' : 'b', { class: i ? 'sg-soft' : null, text }))), { sticky: true, className: 'sg-tip', opacity: 1 });
    if (name) this.name(layer, middleOf(shape), name);
    return shape;
  }

  name(layer, at, text, className = 'sg-b-name') {
    if (!at) return;
    const label = el('span', { text });
    L.marker(at, { pane: 'siagaBNames', interactive: false, keyboard: false, icon: L.divIcon({ className, html: label, iconSize: null }) }).addTo(layer);
  }

  // A change: the old outline in dashes, the new one whole, and the ground that moves filled. Both shapes in one path
  // with the even-odd rule are exactly what only one of them holds.
  change({ geometry, geometry_before: before, name, kind }) {
    const { layer, renderer } = this.part('Marks'), rings = [geometry, before].filter(Boolean).flatMap(one => (one.type === 'Polygon' ? [one.coordinates] : one.coordinates).flat());
    const both = L.polygon(rings.map(ring => ring.map(([lon, lat]) => [lat, lon])), { renderer, className: 'sg-b-moved', weight: 0, stroke: false, interactive: false }).addTo(layer);
    this.shape(before, 'sg-b-before', { weight: 2.5 });
    this.shape(geometry, 'sg-b-after' + (kind === 'new' ? ' is-new' : ''), { weight: 3, name });
    return both.getBounds();
  }

  // Faults carry their square metres on the map itself.
  fault(one, text) {
    const { layer } = this.part('Marks'), at = Number.isFinite(one.lat) ? [one.lat, one.lon] : null;
    const shape = this.shape(one.geometry, 'sg-b-fault', { weight: 2.5, tip: text + '\n' + ground(this.ui.words, one.area_m2) });
    if (at) {
      L.circleMarker(at, { renderer: this.part('Marks').renderer, className: 'sg-b-fault-ring', radius: 11, weight: 2, interactive: false }).addTo(layer);
      this.name(layer, at, ground(this.ui.words, one.area_m2), 'sg-b-name is-fault');
    }
    return shape;
  }

  dot(lon, lat, className, tip, { radius = 5, pick = null } = {}) {
    const { layer, renderer } = this.part('Marks');
    const mark = L.circleMarker([lat, lon], { renderer, className, radius, weight: 1.5, interactive: Boolean(tip || pick) }).addTo(layer);
    if (tip) mark.bindTooltip(() => el('div', {}, tip.split('\n').map((text, i) => el(i ? 'div' : 'b', { class: i ? 'sg-soft' : null, text }))), { className: 'sg-tip', opacity: 1 });
    if (pick) mark.on('click', event => { L.DomEvent.stopPropagation(event); pick(); });
    return mark;
  }

  fit(bounds, maxZoom = 16) { if (bounds && bounds.isValid()) this.map.fitBounds(bounds.pad(0.12), { maxZoom, animate: false }); }

  look(lon, lat, zoom = 16) { this.map.setView([lat, lon], Math.max(zoom, this.map.getZoom()), { animate: false }); }
}

// Where a name stands: the middle of the largest ring's box, if the ring holds it, else a vertex's neighbourhood.
function middleOf(group) {
  let best = null, most = -1;
  group.eachLayer(one => {
    if (!one.getBounds) { if (!best && one.getLatLng) best = one.getLatLng(); return; }
    for (const ring of flat(one.getLatLngs())) {
      const bounds = L.latLngBounds(ring), size = (bounds.getEast() - bounds.getWest()) * (bounds.getNorth() - bounds.getSouth());
      if (size > most) { most = size; best = centroid(ring) || bounds.getCenter(); }
    }
  });
  return best;
}

function flat(rings) { return Array.isArray(rings[0]) ? rings.flatMap(flat) : [rings]; }

function centroid(ring) {
  let twice = 0, x = 0, y = 0;
  const [o] = ring;
  for (let i = 0; i < ring.length; i++) {
    const a = ring[i], b = ring[(i + 1) % ring.length];
    const ax = a.lng - o.lng, ay = a.lat - o.lat, bx = b.lng - o.lng, by = b.lat - o.lat, cross = ax * by - bx * ay;
    twice += cross; x += (ax + bx) * cross; y += (ay + by) * cross;
  }
  return Math.abs(twice) < 1e-14 ? null : L.latLng(o.lat + y / (3 * twice), o.lng + x / (3 * twice));
}
