// Is all ground somebody's, and only one's: gaps, overlaps, slivers, and borders along which incidents gather.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { ground, stamp, table, number } = await import('./boundaryparts.js' + search);

const KINDS = ['gaps', 'overlaps', 'contested'];

export class HealthView {
  constructor(ui, page) {
    Object.assign(this, { ui, page, answer: null, kind: 'gaps', at: null });
    this.root = el('div', { class: 'sg-b-view' });
  }

  reset() { Object.assign(this, { answer: null, at: null }); }

  leave() { this.page.map.clear(); }

  async open() {
    this.page.map.onPick = null;
    const { service } = this.page;
    this.draw();
    const [set, answer] = await Promise.all([this.page.readSet(null, 3), this.answer || this.page.get('/api/boundaries/health?' + new URLSearchParams({ service }))]);
    if (this.page.view !== this || service !== this.page.service) return;
    if (set) this.page.map.showSet(set);
    this.answer = answer;
    if (answer && !answer[this.kind].length) this.kind = KINDS.find(kind => answer[kind].length) || 'gaps';
    this.paint();
    this.draw();
  }

  paint() {
    const { map } = this.page, { answer } = this, { words } = this.ui, { t } = words;
    map.clear('Marks');
    if (!answer) return;
    const most = Math.max(1, ...answer.contested.map(one => one.n_incidents));
    for (const one of answer.contested) map.shape(one.geometry, 'sg-b-contested', { weight: 3 + 7 * one.n_incidents / most, tip: one.names.join(' / ') + '\n' + t('b_contested_tip', { n: words.number(one.n_incidents), m: words.metres(one.length_m) }) });
    for (const one of answer.gaps) map.shape(one.geometry, 'sg-b-fault', { weight: one.is_sliver ? 2 : 2.5, tip: t(one.is_sliver ? 'b_sliver' : 'b_gap') + '\n' + ground(words, one.area_m2) + (one.areas.length ? ' · ' + one.areas.join(', ') : '') });
    for (const one of answer.overlaps) map.shape(one.geometry, 'sg-b-fault is-overlap', { weight: 2.5, tip: t('b_overlap') + ': ' + one.names.join(' / ') + '\n' + ground(words, one.area_m2) });
  }

  show(one) {
    this.at = one;
    const bounds = one.geometry && L.geoJSON(one.geometry).getBounds();
    this.paint();
    if (bounds && bounds.isValid()) { this.page.map.fit(bounds, 17); this.page.map.shape(one.geometry, 'sg-b-seen', { weight: 6 }); }
    this.draw();
  }

  draw() {
    const { words } = this.ui, { t } = words, { answer } = this;
    if (!answer) { redraw(this.root, [el('p', { class: 'sg-soft', role: 'status', text: t('b_measuring') })]); return; }
    const rows = answer[this.kind];
    redraw(this.root, [
      el('p', { class: 'sg-b-figure' }, el('b', { text: words.number(answer.covered_share * 100, answer.covered_share > 0.9999 ? 0 : 2) + ' %' }), el('span', { text: t('b_covered', { area: ground(words, answer.area_m2), n: words.number(answer.n_jurisdictions) }) })),
      el('p', { class: 'sg-soft', text: t('b_health_period', { n: words.number(answer.n_incidents), near: words.number(answer.n_near_border), since: stamp(words, answer.since), until: stamp(words, answer.until) }) }),
      answer.slivers.n ? el('p', { class: 'sg-soft', text: t('b_slivers', { n: words.number(answer.slivers.n), m2: ground(words, answer.slivers.area_m2) }) }) : null,
      answer.approximate.length ? el('p', { class: 'sg-b-note', text: t('b_n_approximate', { n: words.number(answer.approximate.length), names: answer.approximate.slice(0, 5).map(one => one.name).join(', ') + (answer.approximate.length > 5 ? ' …' : '') }) }) : null,
      el('div', { class: 'sg-b-toolbox', role: 'group' }, KINDS.map(kind => button(t('b_health_' + kind, { n: words.number(answer[kind].length) }), () => { this.kind = kind; this.draw(); }, { class: 'sg-small', 'aria-pressed': String(kind === this.kind), 'data-key': kind }))),
      rows.length ? this.rows(rows) : el('p', { class: 'sg-b-good', text: t('b_health_none_' + this.kind) }),
      this.kind === 'contested' ? el('p', { class: 'sg-soft', text: t('b_contested_note') }) : null].filter(Boolean));
  }

  rows(rows) {
    const { words } = this.ui, { t } = words, right = text => ({ text, isNumber: true }), more = { pick: i => this.show(rows[i]), isChosen: i => rows[i] === this.at };
    if (this.kind === 'contested') return table([t('b_border'), right(t('b_n_incidents')), right(t('b_per_km')), right('m')], rows.map(one => [one.names.join(' / '), number(words, one.n_incidents), number(words, one.n_per_km, 1), number(words, one.length_m)]), more);
    return table([t(this.kind === 'gaps' ? 'b_where' : 'b_between'), right(t('b_area')), right(t('b_width'))], rows.map(one => [(this.kind === 'gaps' ? one.areas.join(', ') || one.lat.toFixed(5) + ', ' + one.lon.toFixed(5) : one.names.join(' / ')) + (one.is_sliver ? ' · ' + t('b_sliver') : ''), { text: ground(words, one.area_m2), isNumber: true }, { text: words.number(one.width_m, one.width_m < 100 ? 1 : 0) + ' m', isNumber: true }]), more);
  }
}
