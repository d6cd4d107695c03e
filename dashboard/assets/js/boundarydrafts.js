// Drafts of boundaries: which there are, what one changes, who has to sign, what happened.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { said, stamp, ground, input, field } = await import('./boundaryparts.js' + search);
const { Tools } = await import('./boundarytools.js' + search);
const { Signing } = await import('./boundarysign.js' + search);

const DRAFTERS = ['agency', 'supervisor', 'admin'];

export class DraftsView {
  constructor(ui, page) {
    Object.assign(this, { ui, page, id: null, items: null, draft: null, title: '', conflict: null, isBusy: false });
    this.root = el('div', { class: 'sg-b-view' });
    this.tools = new Tools(ui, this);
    this.signing = new Signing(ui, this);
  }

  reset() { Object.assign(this, { id: null, items: null, draft: null, conflict: null }); this.tools.stop(); }

  keep() { return { id: this.id, title: this.title }; }

  close() { this.tools.stop(); }

  leave() { this.tools.stop(); this.page.map.clear(); }

  async open() { if (this.id) await this.load(this.id); else await this.list(); }

  async list() {
    const turn = this.turn = (this.turn || 0) + 1;
    this.tools.stop();
    Object.assign(this, { id: null, draft: null, conflict: null });
    this.page.map.clear();
    this.draw();
    const [set, answer] = await Promise.all([this.page.readSet(null, 3), this.page.get('/api/boundaries/drafts?' + new URLSearchParams({ service: this.page.service }))]);
    // Whoever has opened a draft, or another view, meanwhile looks at that.
    if (turn !== this.turn || this.page.view !== this) return;
    if (set) this.page.map.showSet(set);
    this.page.map.onPick = null;
    this.items = answer ? answer.items : [];
    this.draw();
  }

  async load(id) {
    const turn = this.turn = (this.turn || 0) + 1;
    this.id = id;
    const draft = await this.page.get('/api/boundaries/drafts/' + encodeURIComponent(id));
    if (turn !== this.turn || this.page.view !== this) return;
    if (!draft) { await this.list(); return; }
    if (draft.service !== this.page.service) { this.page.service = draft.service; this.page.drawHead(); }
    const set = await this.page.readNewest(0);
    if (turn !== this.turn || this.page.view !== this) return;
    if (set) this.page.map.showSet(set);
    this.take(draft, true);
  }

  // The answer of every change is the draft as it is now.
  take(draft, shouldFit) {
    this.draft = draft;
    this.id = draft.draft_id;
    this.page.views.impact.id = draft.draft_id;
    this.conflict = null;
    this.paint(shouldFit);
    this.draw();
  }

  // Sends a change of the draft. A refusal is shown where it was made; a 409 says who changed what meanwhile.
  async send(action, body) {
    if (this.isBusy) return { problem: '' };
    this.isBusy = true;
    this.draw();
    try {
      const answer = await this.page.post('/api/boundaries/drafts/' + encodeURIComponent(this.id) + '/' + action, body);
      this.isBusy = false;
      this.take(answer);
      return { answer };
    } catch (error) {
      this.isBusy = false;
      if (error.status === 409 && Array.isArray(error.problem.changes)) {
        this.conflict = { message: error.message, changes: error.problem.changes };
        this.draw();
        this.root.querySelector('.sg-b-conflict')?.scrollIntoView({ block: 'nearest' });
        return { problem: '' };
      }
      const problem = error.isRefusal ? said(error) : this.ui.words.t('b_away');
      this.draw();
      return { problem };
    }
  }

  edit(body) { return this.send('edits', { version: this.draft.version, ...body }); }

  async create() {
    if (!this.title.trim()) { this.page.say(this.ui.words.t('b_need_title'), 'warn'); this.root.querySelector('[data-key=title]').focus(); return; }
    try {
      const draft = await this.page.post('/api/boundaries/drafts', { service: this.page.service, title: this.title.trim() });
      this.title = '';
      await this.load(draft.draft_id);
    } catch (error) { this.page.fail(error); }
  }

  // ---- the map: before in dashes, after in the accent, faults in red

  paint(shouldFit) {
    const { map } = this.page, { draft } = this, { t } = this.ui.words;
    map.clear('Marks');
    const bounds = L.latLngBounds([]);
    for (const change of draft.changes) bounds.extend(map.change(change));
    for (const one of draft.checks.gaps) map.fault(one, t('b_gap'));
    for (const one of draft.checks.overlaps) map.fault(one, t('b_overlap') + ': ' + one.jurisdictions.join(', '));
    for (const one of draft.checks.outside) map.fault(one, t('b_outside'));
    if (shouldFit) map.fit(bounds.isValid() ? bounds : map.boundsOfSet(), 15);
    this.tools.paint();
  }

  // ---- drawing

  draw() { redraw(this.root, (this.draft ? this.detail() : this.overview()).filter(Boolean)); }

  overview() {
    const { words, me } = this.ui, { t } = words;
    const parts = [];
    if (DRAFTERS.includes(me.role)) {
      parts.push(el('form', { class: 'sg-b-form', novalidate: true, onsubmit: event => { event.preventDefault(); this.create(); } },
        field(t('b_new_draft'), input('title', this.title, text => { this.title = text; }, { maxlength: 200, placeholder: t('b_new_draft_hint') })),
        el('button', { type: 'submit', class: 'sg-primary', text: t('b_begin_draft') })));
    }
    if (!this.items) return [...parts, el('p', { class: 'sg-soft', text: t('loading') })];
    if (!this.items.length) return [...parts, el('p', { class: 'sg-empty', text: t('b_no_drafts') })];
    return [...parts, el('ul', { class: 'sg-b-list' }, this.items.map(one => el('li', {}, el('button', { type: 'button', class: 'sg-b-item', 'data-key': one.draft_id, onclick: () => this.load(one.draft_id) },
      el('span', { class: 'sg-line' }, el('b', { class: 'sg-grow sg-clip', text: one.title, title: one.title }), el('span', { class: 'sg-state is-' + one.state, text: one.state_label })),
      el('span', { class: 'sg-soft', text: [one.created_by, stamp(words, one.created_at), one.n_sides ? t('b_n_signed', { n: one.n_signed, of: one.n_sides }) : ''].filter(Boolean).join(' · ') }),
      one.may_sign ? el('span', { class: 'sg-b-due', text: t('b_your_signature') }) : null))))];
  }

  detail() {
    const { words } = this.ui, { t } = words, { draft } = this;
    return [
      el('div', { class: 'sg-line' }, button(t('b_back_to_drafts'), () => this.list(), { class: 'sg-small sg-text' }), el('span', { class: 'sg-grow' }), el('span', { class: 'sg-state is-' + draft.state, text: draft.state_label })),
      el('h2', { text: draft.title }),
      el('p', { class: 'sg-soft', text: [t('b_version', { n: draft.version }), draft.agency || t('b_of_city'), draft.created_by, stamp(words, draft.created_at)].join(' · ') }),
      draft.effective_from ? el('p', { class: 'sg-b-effective', text: t(draft.state === 'scheduled' ? 'b_in_force_from' : 'b_proposed_from', { at: stamp(words, draft.effective_from) }) }) : null,
      draft.reason ? el('p', { text: draft.reason }) : null,
      this.page.scheduledAt && draft.may.edit ? el('p', { class: 'sg-soft', text: t('b_on_scheduled', { at: stamp(words, this.page.scheduledAt) }) }) : null,
      this.conflictBox(), this.staleBox(),
      el('h3', { text: t('b_changes') }), ...this.changes(),
      ...this.faults(),
      draft.changes.length ? el('div', { class: 'sg-line' }, button(t('b_to_impact'), () => { this.page.views.impact.id = this.id; this.page.open('impact'); }, { class: 'sg-small' })) : null,
      draft.may.edit ? this.tools.root() : null,
      ...this.signing.parts(),
      el('details', { class: 'sg-b-events' }, el('summary', { text: t('b_events', { n: draft.events.length }) }), el('ol', {}, draft.events.slice().reverse().map(one => el('li', {}, el('span', { class: 'sg-soft', text: stamp(words, one.at) + ' · ' + one.by }), el('span', { text: one.what })))))];
  }

  changes() {
    const { words } = this.ui, { t } = words, { draft } = this;
    if (!draft.changes.length) return [el('p', { class: 'sg-soft', text: t('b_no_changes') })];
    const list = el('ul', { class: 'sg-b-list' }, draft.changes.map(one => el('li', { class: 'sg-b-change' },
      el('div', { class: 'sg-line' }, button(one.name, () => this.zoom(one), { class: 'sg-text sg-small sg-grow sg-clip', 'data-key': 'zoom ' + one.jurisdiction }), el('span', { class: 'sg-state', text: t('b_change_' + one.kind) })),
      el('div', { class: 'sg-line' }, el('span', { class: 'sg-soft sg-grow sg-num', text: '+' + ground(words, one.gained_m2) + '  −' + ground(words, one.lost_m2) + (one.kind === 'end' ? '' : '  = ' + ground(words, one.area_m2)) }),
        draft.may.edit ? button(t('b_restore'), () => this.edit({ kind: 'restore', jurisdiction: one.jurisdiction }).then(({ problem }) => problem && this.page.say(problem, 'warn')), { class: 'sg-small', 'data-key': 'restore ' + one.jurisdiction }) : null),
      one.name_before && one.name_before !== one.name ? el('div', { class: 'sg-soft', text: t('b_renamed', { before: one.name_before }) }) : null,
      one.priority_before && one.priority_before !== one.priority ? el('div', { class: 'sg-soft', text: t('b_reprioritized', { before: one.priority_before, n: one.priority }) }) : null)));
    return [list, draft.may.edit && draft.changes.length > 1 ? button(t('b_restore_all'), () => this.edit({ kind: 'restore' }), { class: 'sg-small sg-quiet' }) : null];
  }

  zoom(change) {
    const shapes = [change.geometry, change.geometry_before].filter(Boolean).map(one => L.geoJSON(one).getBounds());
    this.page.map.fit(shapes.reduce((all, one) => all.extend(one)), 16);
  }

  faults() {
    const { words } = this.ui, { t } = words, { gaps, overlaps, outside, is_clean: isClean } = this.draft.checks;
    const row = (one, text) => el('li', {}, button(text, () => this.page.map.look(one.lon, one.lat), { class: 'sg-text sg-small sg-b-fault-row' }), el('span', { class: 'sg-num', text: ground(words, one.area_m2) }));
    if (!this.draft.changes.length) return [];
    if (isClean && !gaps.length && !overlaps.length && !outside.length) return [el('p', { class: 'sg-b-good', text: t('b_clean') })];
    return [el('div', { class: 'sg-b-faults' }, el('b', { text: t('b_faults') }), el('ul', {}, overlaps.map(one => row(one, t('b_overlap') + ' ' + one.jurisdictions.join(' / '))), gaps.map(one => row(one, t('b_gap'))), outside.map(one => row(one, t('b_outside') + (one.jurisdiction ? ' ' + one.jurisdiction : '')))))];
  }

  happened(changes) { const { words } = this.ui; return el('ul', {}, changes.map(one => el('li', { text: [one.at ? stamp(words, one.at) : '', one.by, one.what].filter(Boolean).join(' · ') }))); }

  conflictBox() {
    if (!this.conflict) return null;
    const { t } = this.ui.words;
    return el('div', { class: 'sg-b-conflict', role: 'alert' }, el('b', { text: t('b_conflict') }), el('p', { text: this.conflict.message }), this.happened(this.conflict.changes),
      button(t('b_load_newest'), () => this.load(this.id), { class: 'sg-primary', 'data-key': 'load newest' }));
  }

  staleBox() {
    const { t } = this.ui.words, { draft } = this;
    if (!draft.stale.length) return null;
    return el('div', { class: 'sg-b-conflict' }, el('b', { text: t('b_stale') }), this.happened(draft.stale),
      draft.may.rebase ? button(t('b_rebase'), () => this.rebase(), { class: 'sg-small' }) : null);
  }

  async rebase() {
    const { answer, problem } = await this.send('rebase', { version: this.draft.version }), { t } = this.ui.words;
    if (problem) this.page.say(problem, 'warn');
    if (!answer) return;
    const set = await this.page.readNewest(0);
    if (set) this.page.map.showSet(set);
    for (const one of answer.dropped || []) this.page.say(t('b_dropped', { what: one.what || one.kind || '' }), 'warn');
    if (!(answer.dropped || []).length) this.page.say(t('b_rebased'));
  }
}
