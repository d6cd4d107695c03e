// What a draft would have changed in the last year: incidents by type and month, ground, places, travel times.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { stamp, ground, select, field, table, number, bars, travel } = await import('./boundaryparts.js' + search);

export class ImpactView {
  constructor(ui, page) {
    Object.assign(this, { ui, page, id: null, items: null, answer: null, isBusy: false });
    this.root = el('div', { class: 'sg-b-view' });
  }

  reset() { Object.assign(this, { id: null, items: null, answer: null }); }

  keep() { return { id: this.id }; }

  leave() { this.page.map.clear(); }

  async open() {
    this.answer = null;
    this.page.map.onPick = null;
    this.draw();
    const listed = await this.page.get('/api/boundaries/drafts?' + new URLSearchParams({ service: this.page.service }));
    this.items = listed ? listed.items.filter(one => one.jurisdictions.length && one.state !== 'withdrawn') : [];
    if (!this.items.some(one => one.draft_id === this.id)) this.id = this.items.length ? this.items[0].draft_id : null;
    await this.read();
  }

  async read() {
    const { id } = this, { map } = this.page, turn = this.turn = (this.turn || 0) + 1;
    const set = await this.page.readSet(null, 3);
    if (turn !== this.turn) return;
    map.clear();
    if (set) map.showSet(set);
    if (!id) { this.draw(); return; }
    this.isBusy = true;
    this.answer = null;
    this.draw();
    const path = '/api/boundaries/drafts/' + encodeURIComponent(id);
    const [draft, answer] = await Promise.all([this.page.get(path), this.page.get(path + '/impact')]);
    if (turn !== this.turn || this.page.view !== this) return;
    Object.assign(this, { isBusy: false, draft, answer });
    this.paint();
    this.draw();
  }

  paint() {
    const { map } = this.page, { t } = this.ui.words, { words } = this.ui;
    map.clear('Marks');
    let bounds = L.latLngBounds([]);
    for (const change of this.draft ? this.draft.changes : []) bounds.extend(map.change(change));
    const { answer } = this;
    if (answer) {
      for (const one of answer.gaps || []) map.fault(one, t('b_gap'));
      for (const one of answer.overlaps || []) map.fault(one, t('b_overlap'));
      const around = L.latLngBounds([]), name = code => this.typeName(code);
      for (const { geometry, properties: p } of (answer.points ? answer.points.features : []) || []) {
        const [lon, lat] = geometry.coordinates, isAgency = agencyOf(p.from) !== agencyOf(p.to);
        around.extend([lat, lon]);
        map.dot(lon, lat, 'sg-b-point' + (isAgency ? ' is-agency' : ''), name(p.type) + '\n' + stamp(words, p.at) + '\n' + (p.from || t('b_nobody')) + ' → ' + (p.to || t('b_nobody')), { radius: isAgency ? 5.5 : 4.5 });
      }
      if (around.isValid()) bounds = around;
    }
    map.fit(bounds, 15);
  }

  typeName(code) { const found = this.ui.me.types.find(one => one.code === code); return found ? found.name : code; }

  // ---- drawing

  draw() {
    const { words } = this.ui, { t } = words, { answer } = this;
    if (!this.items) { redraw(this.root, [el('p', { class: 'sg-soft', text: t('loading') })]); return; }
    if (!this.items.length) { redraw(this.root, [el('p', { class: 'sg-empty', text: t('b_impact_none') })]); return; }
    const choice = field(t('b_draft'), select('draft', this.items.map(one => [one.draft_id, one.title + ' (' + one.state_label + ')']), this.id, id => { this.id = id; this.page.views.drafts.id = id; this.read(); }));
    if (!answer) { redraw(this.root, [choice, el('p', { class: 'sg-soft', role: 'status', text: t(this.isBusy ? 'b_measuring' : 'b_impact_away') })]); return; }
    const path = '/api/boundaries/drafts/' + encodeURIComponent(this.id) + '/summary?language=' + words.language;
    const remarks = [answer.n_synthetic ? t('b_n_synthetic', { n: words.number(answer.n_synthetic) }) : '', answer.boundaries_approximate ? t('boundaries_approximate') : '', answer.roads_synthetic ? t('roads_synthetic') : '', answer.travel_time && !answer.is_calibrated ? t('not_calibrated') : ''].filter(Boolean);
    redraw(this.root, [choice,
      el('p', { class: 'sg-b-figure' }, el('b', { text: words.number(answer.n_changed) }), el('span', { text: t('b_would_move', { n: words.number(answer.n_incidents), agency: words.number(answer.n_agency_changed) }) })),
      el('p', { class: 'sg-soft', text: [t('b_period', { since: stamp(words, answer.since), until: stamp(words, answer.until) }), answer.is_frozen ? t('b_frozen') : '', answer.n_left_out ? t('b_left_out', { n: words.number(answer.n_left_out) }) : ''].filter(Boolean).join(' · ') }),
      remarks.length ? el('p', { class: 'sg-b-note', text: remarks.join(' · ') }) : null,
      el('div', { class: 'sg-line' }, el('a', { class: 'sg-b-link', href: path, target: '_blank', rel: 'noopener', text: t('b_summary') }), button(t('b_to_draft'), () => { this.page.views.drafts.id = this.id; this.page.open('drafts'); }, { class: 'sg-small sg-text' })),
      ...this.counts(answer), ...this.grounds(answer), ...this.times(answer), ...this.moves(answer)].filter(Boolean));
  }

  counts(answer) {
    const { words } = this.ui, { t } = words;
    if (!answer.n_changed) return [el('p', { class: 'sg-b-good', text: t('b_nothing_changes') })];
    return [
      el('h3', { text: t('b_by_type') }), table([t('type'), number2(t('b_n_changed')), number2(t('b_n_agency'))], answer.by_type.map(one => [one.name || this.typeName(one.type), number(words, one.n), number(words, one.n_agency)])),
      el('h3', { text: t('b_by_month') }), bars(words, answer.by_month.map(one => ({ name: month(one.month, words.language), n: one.n, nInner: one.n_agency }))), el('p', { class: 'sg-soft', text: t('b_bars_note') })];
  }

  grounds(answer) {
    const { words } = this.ui, { t } = words;
    const list = (label, names) => (names && names.length ? el('div', { class: 'sg-soft', text: label + ': ' + names.map(one => one.name || one).join(', ') }) : null);
    return [el('h3', { text: t('b_ground') }), el('ul', { class: 'sg-b-list' }, answer.jurisdictions.map(one => el('li', { class: 'sg-b-change' },
      el('div', { class: 'sg-line' }, el('b', { class: 'sg-grow sg-clip', text: one.name }), el('span', { class: 'sg-num', text: '+' + ground(words, one.gained_m2) + ' −' + ground(words, one.lost_m2) })),
      el('div', { class: 'sg-soft', text: t('b_incidents_moved', { gained: words.number(one.incidents_gained), lost: words.number(one.incidents_lost) }) + ' · ' + t('b_places_moved', { gained: words.number(one.n_places_gained), lost: words.number(one.n_places_lost) }) }),
      list(t('b_kelurahan_gained'), one.kelurahan_gained), list(t('b_kelurahan_lost'), one.kelurahan_lost), list(t('b_places_gained'), one.places_gained), list(t('b_places_lost'), one.places_lost)))),
    this.faultLine(answer)];
  }

  faultLine(answer) {
    const { words } = this.ui, { t } = words, sum = list => (list || []).reduce((total, one) => total + one.area_m2, 0);
    const gaps = answer.gaps || [], overlaps = answer.overlaps || [];
    return el('p', { class: gaps.length || overlaps.length ? 'sg-b-problem' : 'sg-b-good', text: gaps.length || overlaps.length ? t('b_made_faults', { gaps: gaps.length, gap_m2: ground(words, sum(gaps)), overlaps: overlaps.length, overlap_m2: ground(words, sum(overlaps)) }) : t('b_no_faults') });
  }

  times(answer) {
    const { words } = this.ui, { t } = words, { travel_time: time } = answer;
    if (!time) return [el('h3', { text: t('b_travel') }), el('p', { class: 'sg-soft', text: t('b_no_roads') })];
    const row = (name, one) => [name, { text: travel(words, one.p50_s), isNumber: true }, { text: travel(words, one.p90_s), isNumber: true }, number(words, one.n)];
    return [el('h3', { text: t('b_travel') }), table(['', number2('P50'), number2('P90'), number2('n')], [row(t('b_before'), time.before), row(t('b_after'), time.after)])];
  }

  moves(answer) {
    const { words } = this.ui, { t } = words;
    return (answer.moves || []).length ? [el('h3', { text: t('b_moves') }), table([t('b_from'), t('b_to'), number2('n')], answer.moves.map(one => [one.from || t('b_nobody'), one.to || t('b_nobody'), number(words, one.n)]))] : [];
  }
}

const number2 = text => ({ text, isNumber: true });
const agencyOf = name => (name ? name.split('/')[0] : null);
const month = (text, language) => new Date(text + '-15T00:00:00Z').toLocaleDateString(language, { month: 'short', year: '2-digit', timeZone: 'UTC' });
