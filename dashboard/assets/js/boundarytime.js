// Boundaries in force at any moment: the list, one jurisdiction's history, and a slider over the moments of change.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { stamp, localField, ground, input, field } = await import('./boundaryparts.js' + search);
const { cityTime } = await import('./closuredraft.js' + search);

export class TimeView {
  constructor(ui, page) {
    Object.assign(this, { ui, page, at: null, chosen: null, history: null, compared: null });
    this.root = el('div', { class: 'sg-b-view' });
    this.bar = el('div', { class: 'sg-b-time', hidden: true, role: 'group', 'aria-label': ui.words.t('b_time') });
  }

  async open() {
    this.bar.hidden = false;
    await this.read();
    if (this.chosen) await this.choose(this.chosen); else this.draw();
  }

  leave() { this.bar.hidden = true; this.compared = null; this.page.map.clear(); }

  keep() { return { at: this.at, chosen: this.chosen }; }

  async read() {
    const turn = this.turn = (this.turn || 0) + 1;
    const answer = await this.page.readSet(this.at, 3);
    if (turn !== this.turn || !answer) return;
    this.answer = answer;
    this.page.map.showSet(answer, this.chosen);
    this.page.map.onPick = p => { if (this.page.view !== this) return false; this.choose(p.jurisdiction); return true; };
    this.draw();
  }

  async choose(jurisdiction) {
    this.chosen = jurisdiction;
    this.history = null;
    this.compared = null;
    this.page.map.clear('Marks');
    this.page.map.showSet(this.answer, jurisdiction);
    this.draw();
    if (!jurisdiction) return;
    const answer = await this.page.get('/api/boundaries/history?' + new URLSearchParams({ service: this.page.service, jurisdiction }));
    if (!answer || this.chosen !== jurisdiction) return;
    this.history = answer.items;
    this.draw();
    const feature = this.page.map.feature(jurisdiction);
    if (feature) this.page.map.fit(L.geoJSON(feature.geometry).getBounds(), 15);
  }

  // A version and the one before it, outlined together.
  async compare(item) {
    const before = this.history.find(one => one.jurisdiction === item.jurisdiction && one.valid_to === item.valid_from);
    const sets = await Promise.all([item, before].filter(Boolean).map(one => this.page.readSet(one.valid_from, 0)));
    if (!sets[0] || this.page.view !== this) return;
    const shapes = sets.map(set => set && set.features.find(one => one.properties.jurisdiction === item.jurisdiction));
    const { map } = this.page;
    Object.assign(this, { compared: item.version, comparedTo: shapes[1] ? before.version : null });
    map.clear('Marks');
    map.fit(map.change({ geometry: shapes[0] && shapes[0].geometry, geometry_before: shapes[1] && shapes[1].geometry }), 15);
    this.draw();
  }

  // ---- drawing

  draw() {
    const { t } = this.ui.words, features = this.answer ? this.answer.features : [];
    this.drawBar();
    const one = this.chosen && features.find(each => each.properties.jurisdiction === this.chosen);
    redraw(this.root, this.chosen ? this.detail(one) : [
      el('p', { class: 'sg-soft', text: t('b_in_force_n', { n: features.length, at: this.at ? stamp(this.ui.words, this.at) : t('b_now') }) }),
      features.length ? el('ul', { class: 'sg-b-list' }, features.map(feature => this.entry(feature.properties))) : el('p', { class: 'sg-empty', text: t('b_none_in_force') })]);
  }

  entry(p) {
    const { words } = this.ui, { t } = words;
    return el('li', {}, el('button', { type: 'button', class: 'sg-b-item', 'data-key': p.jurisdiction, onclick: () => this.choose(p.jurisdiction) },
      el('span', { class: 'sg-line' }, el('b', { class: 'sg-grow sg-clip', text: p.name }), el('span', { class: 'sg-num', text: ground(words, p.area_m2) })),
      el('span', { class: 'sg-soft', text: [p.jurisdiction, t('b_version', { n: p.version }), t('b_since', { at: stamp(words, p.valid_from) }), p.is_citywide ? t('b_citywide') : '', p.is_approximate ? t('boundaries_approximate') : ''].filter(Boolean).join(' · ') })));
  }

  detail(feature) {
    const { words } = this.ui, { t } = words, p = feature && feature.properties;
    const name = p ? p.name : this.history && this.history[0] ? this.history[0].name : this.chosen;
    const parts = [
      el('div', { class: 'sg-line' }, button(t('b_back_to_list'), () => this.choose(null), { class: 'sg-small sg-text' })),
      el('h2', { text: name }),
      el('p', { class: 'sg-soft', text: p ? [this.chosen, t('b_version', { n: p.version }), ground(words, p.area_m2), t('b_priority', { n: p.priority })].join(' · ') : t('b_not_then') }),
      p && p.is_approximate ? el('p', { class: 'sg-b-note', text: t('b_approximate_note') }) : null,
      el('h3', { text: t('b_history') })];
    if (!this.history) return [...parts, el('p', { class: 'sg-soft', text: t('loading') })];
    return [...parts, el('ol', { class: 'sg-b-versions' }, this.history.map(item => this.version(item)))];
  }

  version(item) {
    const { words } = this.ui, { t } = words, { begun } = item, draft = begun && begun.draft;
    const change = item.gained_m2 !== null && item.gained_m2 !== undefined ? '+' + ground(words, item.gained_m2) + ' / −' + ground(words, item.lost_m2) : '';
    return el('li', { class: 'sg-b-version is-' + item.state },
      el('div', { class: 'sg-line' }, el('b', { class: 'sg-grow', text: t('b_version', { n: item.version }) }), el('span', { class: 'sg-state', text: t('b_state_' + item.state) })),
      el('p', { text: stamp(words, item.valid_from) + ' – ' + (item.valid_to ? stamp(words, item.valid_to) : t('b_until_changed')) }),
      el('p', { class: 'sg-soft', text: [ground(words, item.area_m2), change, draft ? '' : item.source].filter(Boolean).join(' · ') }),
      begun ? el('p', { class: 'sg-soft', text: [begun.by, stamp(words, begun.at), begun.reason].filter(Boolean).join(' · ') }) : null,
      draft ? el('div', {}, el('p', { class: 'sg-soft', text: t('b_by_draft', { title: draft.title }) }),
        el('ul', {}, draft.signatures.map(one => el('li', { class: 'sg-soft', text: t('b_signed_line', { office: one.office, by: one.signed_by, at: stamp(words, one.signed_at) }) })))) : null,
      el('div', { class: 'sg-line' }, button(t('b_compare'), () => this.compare(item), { class: 'sg-small', 'aria-pressed': String(this.compared === item.version), 'data-key': 'compare ' + item.version }),
        button(t('b_show_then'), () => this.goTo(item.valid_from), { class: 'sg-small', 'data-key': 'then ' + item.version })),
      this.compared === item.version && this.comparedTo !== null ? el('p', { class: 'sg-soft', text: t('b_compared', { old: this.comparedTo, now: item.version }) }) : null);
  }

  async goTo(time) { this.at = time; await this.read(); }

  drawBar() {
    const { words } = this.ui, { t } = words, moments = this.answer ? this.answer.moments.slice().reverse() : [];
    const shown = this.at ? Date.parse(this.at) : Date.now();
    // The moment whose boundaries are on the map: the last one not after it.
    const at = moments.reduce((best, one, i) => (Date.parse(one.at) <= shown ? i : best), -1), moment = moments[at];
    const step = i => this.goTo(moments[Math.max(0, Math.min(moments.length - 1, i))].at);
    const slider = el('input', { type: 'range', class: 'sg-b-slider', 'data-key': 'slider', min: 0, max: Math.max(0, moments.length - 1), step: 1, value: Math.max(0, at), disabled: moments.length < 2, 'aria-label': t('b_time'), 'aria-valuetext': moment ? stamp(words, moment.at) : '', onchange: event => step(Number(event.target.value)) });
    const when = input('at', localField(words, shown), () => {}, { type: 'datetime-local', onchange: event => { const time = cityTime(event.target.value, words.timeZone); if (time) this.goTo(time); } });
    redraw(this.bar, [
      el('div', { class: 'sg-line sg-b-when' }, field(t('b_what_held'), when), button(t('b_now'), () => this.goTo(null), { class: 'sg-small', 'aria-pressed': String(!this.at) })),
      el('div', { class: 'sg-line sg-b-slide' },
        button('‹', () => step(at - 1), { class: 'sg-small', 'aria-label': t('b_earlier'), disabled: at <= 0 }), slider,
        button('›', () => step(at + 1), { class: 'sg-small', 'aria-label': t('b_later'), disabled: at >= moments.length - 1 }),
        el('span', { class: 'sg-soft sg-num', text: moments.length ? t('b_moment_of', { i: at + 1, n: moments.length }) : '' })),
      moment ? el('p', { class: 'sg-soft sg-clip', role: 'status', text: stamp(words, moment.at) + ': ' + moment.changes.slice(0, 4).map(one => one.name + ' ' + t('b_kind_' + one.kind)).join(', ') + (moment.changes.length > 4 ? ' ' + t('more_rows', { n: moment.changes.length - 4 }) : '') + '. ' + [moment.by.join(', '), moment.reasons.join('; ')].filter(Boolean).join(' · ') }) : null]);
  }
}
