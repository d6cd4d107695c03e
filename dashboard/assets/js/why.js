// "Why us?" on the map: the polygon that matched, the distance to its border, the runners-up, the disc of doubt.

const search = new URL(import.meta.url).search;
const { el } = await import('./dom.js' + search);
const { colourVariable } = await import('./shapes.js' + search);

const CLOSE_M = 60, LEAST_SHOWN_M = 240;

export class Why {
  constructor(map, ui) {
    Object.assign(this, { map, ui, id: null });
    this.layer = L.layerGroup().addTo(map);
    const pane = map.createPane('siagaWhy');
    pane.style.zIndex = 420;
    this.renderer = L.svg({ pane: 'siagaWhy', padding: 0.3 });
  }

  clear() { this.id = null; this.layer.clearLayers(); this.ui.root.classList.remove('has-why'); }

  // Draws the receipt and returns it; null when another one was asked for meanwhile.
  async show(assignment, incident) {
    this.clear();
    const id = this.id = assignment.receipt_id;
    const answer = await this.ui.api.get('/api/receipts/' + encodeURIComponent(id) + '?assignment=' + encodeURIComponent(assignment.assignment_id));
    if (this.id !== id) return null;
    this.ui.root.classList.add('has-why');
    const style = getComputedStyle(this.ui.root), colour = style.getPropertyValue(colourVariable(assignment.service)).trim() || style.getPropertyValue('--accent').trim();
    const ink = style.getPropertyValue('--ink').trim();
    answer.others = [...(answer.winners || []).filter(other => !assignment.jurisdiction || other.jurisdiction_id !== assignment.jurisdiction.id), ...(answer.runners_up || []), ...(answer.nearby || [])];
    for (const other of answer.others) {
      if (other.geometry) this.shape(other.geometry, { color: ink, weight: 1.5, dashArray: '2 5', fill: false, opacity: 0.8 }, this.name(other));
    }
    const bounds = L.latLngBounds([[incident.lat, incident.lon]]);
    if (answer.geometry) {
      const matched = this.shape(answer.geometry, { color: colour, weight: 3.5, fillColor: colour, fillOpacity: 0.14 }, this.name(assignment.jurisdiction || {})).getBounds();
      const [west, , east] = this.ui.me.city.bbox;
      // Showing a boundary as wide as the city would only show the city.
      if (matched.getEast() - matched.getWest() < (east - west) * 0.45) bounds.extend(matched);
    }
    if (answer.disc) this.shape(answer.disc, { color: ink, weight: 1.5, dashArray: '5 4', fillColor: ink, fillOpacity: 0.07 });
    const station = answer.station;
    if (station && Number.isFinite(station.lon)) {
      const at = [station.lat, station.lon];
      L.polyline([at, [incident.lat, incident.lon]], { renderer: this.renderer, color: colour, weight: 2, dashArray: '1 6', interactive: false }).addTo(this.layer);
      const post = L.circleMarker(at, { renderer: this.renderer, radius: 6, color: colour, weight: 3, fillColor: style.getPropertyValue('--panel').trim(), fillOpacity: 1 }).addTo(this.layer);
      post.bindTooltip(() => el('b', { text: station.name || '' }), { permanent: true, direction: 'right', offset: [8, 0], className: 'sg-tip sg-tip-fixed' });
      bounds.extend(at);
    }
    // Close to a border the border is the answer; the whole area would hide it.
    const { border_m: border } = assignment, isClose = border !== null && border !== undefined && border < CLOSE_M;
    this.bounds = isClose ? L.latLng(incident.lat, incident.lon).toBounds(Math.max(LEAST_SHOWN_M, 8 * border)) : bounds;
    this.maxZoom = isClose ? 18 : 16;
    return answer;
  }

  shape(geometry, style, name) {
    const layer = L.geoJSON(geometry, { style: () => ({ ...style, renderer: this.renderer }), renderer: this.renderer, interactive: false }).addTo(this.layer);
    if (name) {
      const label = el('span', { text: name });
      L.marker(layer.getBounds().getCenter(), { interactive: false, keyboard: false, icon: L.divIcon({ className: 'sg-why-name', html: label, iconSize: null }) }).addTo(this.layer);
    }
    return layer;
  }

  name(part) {
    const { words } = this.ui, name = part.name || part.code || '';
    return part.share !== undefined && part.share !== null && part.share < 0.995 ? name + ' ' + words.percent(part.share) : name;
  }
}

// What the sentence does not say in figures: rule, border, version, uncertainty, and the station by road and as the crow flies.
export function whyFacts(a, answer, ui, incident) {
  const { words } = ui, { t } = words, inputs = (answer.receipt && answer.receipt.body && answer.receipt.body.inputs) || {};
  const own = [...(answer.winners || []), ...(answer.runners_up || [])].find(one => a.jurisdiction && one.jurisdiction_id === a.jurisdiction.id), { station } = answer;
  const road = station && station.estimate === 'road' && Number.isFinite(station.travel_time_s) ? t('why_by_road', { time: words.travel(station.travel_time_s) }) : '';
  const onRoad = station && station.estimate === 'road' && Number.isFinite(station.distance_m) ? t('why_of_road', { distance: words.metres(station.distance_m) }) : '';
  const straight = station && Number.isFinite(station.lon) ? t('why_straight', { distance: words.metres(L.latLng(station.lat, station.lon).distanceTo([incident.lat, incident.lon])) }) : '';
  const facts = [
    [t('why_rule'), [own && ui.label('match', own.match), inputs.rule].filter(Boolean).join(' · ')],
    [t('why_border'), own && Number.isFinite(own.border_m) ? words.metres(own.border_m) : ''],
    [t('why_version'), own ? t('why_version_of', { n: own.version, day: new Date(own.valid_from).toLocaleDateString(words.language, { day: 'numeric', month: 'short', year: 'numeric', timeZone: words.timeZone }), set: answer.receipt.boundary_set }) : ''],
    [t('why_accuracy'), Number.isFinite(inputs.accuracy_m) ? '± ' + words.metres(inputs.accuracy_m) : ''],
    [t('why_station'), [station && station.name, road, onRoad, straight].filter(Boolean).join(' · ')],
  ].filter(([, value]) => value);
  return facts.length ? el('dl', { class: 'sg-why-facts' }, facts.flatMap(([name, value]) => [el('dt', { text: name }), el('dd', { text: value })])) : null;
}
