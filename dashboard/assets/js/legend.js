// Legend, stations and help: what the symbols and keys mean.

const search = new URL(import.meta.url).search;
const { el, button, keyCap } = await import('./dom.js' + search);
const { symbol, colourVariable } = await import('./shapes.js' + search);

const STATES = ['dispatched', 'acknowledged', 'in_progress', 'under_control', 'resolved'];
const KEYS = [['F1', 'help'], ['F2', 'new'], ['F3', 'search'], ['F4', 'queue'], ['F8', 'next'], ['Alt+1…0', 'type'], ['Ctrl+Enter', 'save'], ['↑ ↓', 'move'], ['Enter', 'open'], ['D', 'raise'], ['Esc', 'close']];
const DESK_KEYS = new Set(['help', 'queue', 'next', 'move', 'open', 'close']);
const COMMANDS = ['n', 'eq', 't', 'a', 'p', 'u', 'x', 'q'];

export function legend(ui, services) {
  const { t } = ui.words;
  const box = el('div', { class: 'sg-legend', hidden: true },
    el('h3', { text: t('legend_shape') }),
    el('ul', {}, STATES.map(status => el('li', {}, symbol({ status, severity: 2, service: 'local_government' }, '', 22), el('span', { text: ui.status(status) }))),
      el('li', {}, el('i', { class: 'sg-legend-wait' }), el('span', { text: t('legend_waiting') })),
      el('li', {}, el('b', { class: 'sg-drill', text: t('drill') }), el('span', { text: t('legend_drill') })),
      ['closed', 'slow'].map(kind => el('li', {}, el('i', { class: 'sg-legend-' + kind }), el('span', { text: t(kind === 'closed' ? 'legend_closed' : 'legend_slow') })))),
    el('h3', { text: t('legend_colour') }),
    el('ul', { class: 'is-two' }, services.map(service => el('li', {}, el('i', { class: 'sg-swatch', style: 'background:var(' + colourVariable(service) + ')', text: ui.letter(service) }), el('span', { text: ui.me.services[service] || service })))),
    el('p', { class: 'sg-soft', text: t('legend_size') }));
  return box;
}

export function help(ui, mode, close) {
  const { t } = ui.words;
  const table = rows => el('dl', {}, rows.flatMap(([key, text]) => [el('dt', {}, keyCap(key)), el('dd', { text })]));
  return el('div', { class: 'sg-help', role: 'dialog', 'aria-label': t('help'), tabindex: '-1' },
    el('header', { class: 'sg-line' }, el('h2', { class: 'sg-grow', text: t('help') }), button('×', close, { class: 'sg-close', 'aria-label': t('close_panel') })),
    el('div', { class: 'sg-help-columns' },
      el('section', {}, el('h3', { text: t('help_keys') }), table(KEYS.filter(([, name]) => mode === 'operator' || DESK_KEYS.has(name)).map(([key, name]) => [key, t('key_' + name)]))),
      mode === 'operator' ? el('section', {}, el('h3', { text: t('help_commands') }), table(COMMANDS.map(name => [t('cmd_form_' + name), t('cmd_text_' + name)]))) : null));
}

// Posts, small and quiet: of one agency, or of all.
export async function stations(map, ui, agency) {
  const layer = L.layerGroup(), pane = map.getPane('siagaPosts') || map.createPane('siagaPosts');
  pane.style.zIndex = 410;
  const renderer = L.svg({ pane: 'siagaPosts', padding: 0.3 });
  const answer = await ui.api.get('/api/stations');
  for (const feature of answer.features || []) {
    if (agency && feature.properties.agency !== agency) continue;
    const [lon, lat] = feature.geometry.coordinates, p = feature.properties;
    const mark = L.circleMarker([lat, lon], { renderer, radius: 4.5, className: 'sg-post', weight: 2.5, fillOpacity: 1, bubblingMouseEvents: true });
    mark.bindTooltip(() => el('div', {}, el('b', { text: p.name }), el('div', { class: 'sg-soft', text: [p.agency, ui.me.services[p.service], p.accuracy_m ? '± ' + ui.words.metres(p.accuracy_m) : ''].filter(Boolean).join(' · ') })), { direction: 'top', offset: [0, -6], className: 'sg-tip', opacity: 1 });
    mark.on('add', () => { const node = mark.getElement(); if (node) node.style.stroke = 'var(' + colourVariable(p.service) + ',var(--sv-none))'; });
    layer.addLayer(mark);
  }
  return layer;
}
