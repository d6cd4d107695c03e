// The drive of the station that was called, while an incident is open: the streets on the map, seconds and street in
// words, and why the nearest post in a straight line was not called.

const search = new URL(import.meta.url).search;
const { el, button } = await import('./dom.js' + search);
const { colourVariable } = await import('./shapes.js' + search);

export class DriveLine {
  constructor(map, ui) {
    Object.assign(this, { map, ui, key: null, answer: null });
    const pane = map.getPane('siagaRoute') || map.createPane('siagaRoute');
    pane.style.zIndex = 408;
    this.renderer = L.svg({ pane: 'siagaRoute', padding: 0.3 });
    this.layer = L.layerGroup().addTo(map);
  }

  clear() { this.key = null; this.answer = null; this.layer.clearLayers(); }

  // Asks once for each place and lead of an incident; a server that is away leaves the map without a line.
  async show(incident) {
    const lead = (incident.assignments || []).filter(a => a.station).sort((a, b) => rank(a) - rank(b))[0];
    if (!lead) { this.clear(); return null; }
    const key = [incident.incident_id, incident.lon, incident.lat, lead.assignment_id, lead.station.id].join(' ');
    if (key === this.key) return this.answer;
    this.clear();
    this.key = key;
    try {
      const answer = await this.ui.api.get('/api/incidents/' + encodeURIComponent(incident.incident_id) + '/route?assignment=' + encodeURIComponent(lead.assignment_id));
      if (this.key !== key) return null;
      this.answer = answer;
      this.draw(answer.route, lead.service);
      return answer;
    } catch (error) {
      console.debug('siaga route', error.message);
      if (this.key === key) this.key = null;
      return null;
    }
  }

  draw(route, service) {
    if (!route) return;
    const isRoad = route.properties.estimate === 'road', points = route.geometry.coordinates.map(([lon, lat]) => [lat, lon]);
    const line = (className, weight) => L.polyline(points, { renderer: this.renderer, className, weight, interactive: false, dashArray: isRoad ? null : '1 7' }).addTo(this.layer);
    line('sg-route-casing', 8);
    const drawn = line('sg-route', 4.5).getElement();
    if (drawn) drawn.style.stroke = 'var(' + colourVariable(service) + ',var(--sv-none))';
    L.circleMarker(points[0], { renderer: this.renderer, className: 'sg-route-start', radius: 5, weight: 2.5, interactive: false }).addTo(this.layer);
  }
}

const rank = a => ({ lead: 0, support: 1, inform: 2 })[a.role] ?? 3;

// The streets of a drive that take longest, in the order they are driven.
function streets(route, most = 3) {
  const metres = new Map();
  for (const step of route.properties.steps) if (step.street) metres.set(step.street, (metres.get(step.street) || 0) + step.distance_m);
  const longest = [...metres].sort((a, b) => b[1] - a[1]).slice(0, most).map(([name]) => name);
  return [...metres.keys()].filter(name => longest.includes(name));
}

// What is said below the assignments; nothing without an answer. `toggle` opens and shuts the list of steps.
export function driveWords(answer, ui, { isOpen, toggle }) {
  if (!answer || !(answer.route || answer.detour)) return null;
  const { words } = ui, { t } = words, said = answer.route && answer.route.properties, parts = [];
  if (said) {
    const from = said.from.station ? said.from.station.name : '';
    const figures = words.travel(said.travel_time_s) + ' · ' + words.metres(said.distance_m);
    parts.push(el('p', { class: 'sg-line sg-wrap' }, el('span', { class: 'sg-route-key', 'aria-hidden': 'true' }), el('b', { text: t('route_from', { station: from }) }), el('span', { class: 'sg-num', text: figures }),
      said.estimate === 'road' ? null : el('span', { class: 'sg-soft', text: t('straight_line') }), said.calibration === 'none' && said.estimate === 'road' ? el('span', { class: 'sg-soft', text: t('not_calibrated') }) : null));
    const by = streets(answer.route);
    if (by.length) parts.push(el('p', { class: 'sg-soft', text: t('route_by', { streets: by.join(', ') }) }));
    if (said.steps.length > 2) {
      parts.push(button(t('route_steps'), toggle, { class: 'sg-small sg-text', 'aria-expanded': String(isOpen), 'data-key': 'route steps' }));
      if (isOpen) parts.push(el('ol', { class: 'sg-route-steps' }, said.steps.map(step => el('li', {}, el('span', { text: step.text }), step.distance_m ? el('span', { class: 'sg-num sg-soft', text: ' ' + words.metres(step.distance_m) }) : null))));
    }
  }
  if (answer.detour) parts.push(el('p', { class: 'sg-detour', text: answer.detour.why }));
  return el('div', { class: 'sg-route-words' }, parts);
}
