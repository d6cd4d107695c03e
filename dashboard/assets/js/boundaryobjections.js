// Objections of agencies as work: which wait, where, what was said; taken up, tied to a draft, answered.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { said, stamp, select, area, field } = await import('./boundaryparts.js' + search);

const OUTCOMES = ['upheld', 'rejected', 'moot'];

export class ObjectionsView {
  constructor(ui, page) {
    Object.assign(this, { ui, page, items: null, id: null, state: 'waiting', fields: {}, drafts: [], problem: '', isBusy: false });
    this.root = el('div', { class: 'sg-b-view' });
  }

  reset() { Object.assign(this, { items: null, id: null, fields: {}, problem: '' }); }

  keep() { return { id: this.id, state: this.state, fields: this.fields }; }

  leave() { this.page.map.clear(); }

  async open() {
    this.page.map.onPick = null;
    const { service } = this.page;
    const [set, answer, drafts] = await Promise.all([this.page.readSet(null, 3), this.page.get('/api/objections?' + new URLSearchParams({ service })), this.page.get('/api/boundaries/drafts?' + new URLSearchParams({ service }))]);
    if (this.page.view !== this) return;
    if (set) this.page.map.showSet(set);
    this.items = answer ? answer.items : [];
    this.drafts = drafts ? drafts.items.filter(one => one.state !== 'withdrawn') : [];
    this.paint();
    this.draw();
  }

  get chosen() { return (this.items || []).find(one => one.objection_id === this.id); }

  paint() {
    const { map } = this.page, { chosen } = this;
    map.clear('Marks');
    for (const one of this.items || []) if (Number.isFinite(one.lat)) map.dot(one.lon, one.lat, 'sg-b-point is-' + one.state + (one === chosen ? ' is-chosen' : ''), one.number + '\n' + one.state_label + '\n' + one.agency, { radius: one === chosen ? 9 : 6, pick: () => this.choose(one.objection_id) });
    map.showSet(map.collection, chosen && chosen.jurisdiction ? (chosen.jurisdiction.includes('/') ? chosen.jurisdiction : chosen.agency + '/' + chosen.jurisdiction) : null);
  }

  choose(id) {
    Object.assign(this, { id, fields: {}, problem: '' });
    this.paint();
    this.draw();
    const { chosen } = this;
    if (chosen && Number.isFinite(chosen.lat)) this.page.map.look(chosen.lon, chosen.lat, 15);
  }

  async send(body) {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      const answer = await this.page.post('/api/objections/' + encodeURIComponent(this.id), { version: this.chosen.version, ...body });
      this.items = this.items.map(one => (one.objection_id === answer.objection_id ? answer : one));
      Object.assign(this, { fields: {}, problem: '' });
      this.page.say(this.ui.words.t('b_objection_now', { number: answer.number, state: answer.state_label }));
    } catch (error) {
      this.problem = error.isRefusal ? said(error) : this.ui.words.t('b_away');
      if (error.status === 409) { const { problem } = this; await this.open(); this.problem = problem; }
    }
    this.isBusy = false;
    this.paint();
    this.draw();
  }

  // A draft of the same service, begun from the objection and tied to it.
  async begin() {
    const { chosen } = this, { t } = this.ui.words;
    try {
      const draft = await this.page.post('/api/boundaries/drafts', { service: chosen.service, title: t('b_draft_for', { number: chosen.number, name: chosen.jurisdiction_name || chosen.jurisdiction || '' }).slice(0, 200) });
      await this.send({ state: 'in_work', draft_id: draft.draft_id });
      this.drafts = [draft, ...this.drafts];
      this.toDraft(draft.draft_id);
    } catch (error) { this.page.fail(error); }
  }

  toDraft(id) { this.page.views.drafts.id = id; this.page.open('drafts'); }

  // ---- drawing

  draw() {
    const { t } = this.ui.words;
    if (!this.items) { redraw(this.root, [el('p', { class: 'sg-soft', text: t('loading') })]); return; }
    if (this.chosen) { redraw(this.root, this.detail().filter(Boolean)); return; }
    const groups = { waiting: this.items.filter(one => one.state !== 'answered'), answered: this.items.filter(one => one.state === 'answered') }, shown = groups[this.state];
    redraw(this.root, [
      el('div', { class: 'sg-line', role: 'group' }, Object.keys(groups).map(state => button(t('b_objections_' + state, { n: groups[state].length }), () => { this.state = state; this.draw(); }, { class: 'sg-small', 'aria-pressed': String(state === this.state), 'data-key': state }))),
      shown.length ? el('ul', { class: 'sg-b-list' }, shown.map(one => el('li', {}, el('button', { type: 'button', class: 'sg-b-item', 'data-key': one.objection_id, onclick: () => this.choose(one.objection_id) }, ...this.lines(one))))) : el('p', { class: 'sg-empty', text: t('b_no_objections') })]);
  }

  lines(one) {
    const { words } = this.ui;
    return [
      el('span', { class: 'sg-line' }, el('b', { class: 'sg-num', text: one.number }), el('span', { class: 'sg-grow sg-clip', text: one.jurisdiction_name || one.agency }), el('span', { class: 'sg-state is-' + one.state, text: one.outcome_label || one.state_label })),
      el('span', { class: 'sg-clip', text: one.reason }),
      el('span', { class: 'sg-soft', text: [one.agency, one.created_by, stamp(words, one.created_at)].join(' · ') })];
  }

  detail() {
    const { words } = this.ui, { t } = words, one = this.chosen, { fields } = this;
    const facts = [[t('b_fact_match'), this.match(one.match)], [t('b_fact_border'), one.border_m === null || one.border_m === undefined ? null : words.metres(one.border_m)], [t('b_fact_version'), one.boundary_version], [t('b_fact_suggested'), one.suggested ? [one.suggested.name, one.suggested.jurisdiction || one.suggested.agency].filter(Boolean).join(' · ') : null], [t('receipt'), one.receipt_id]].filter(([, value]) => value !== null && value !== undefined && value !== '');
    return [
      el('div', { class: 'sg-line' }, button(t('b_back_to_list'), () => this.choose(null), { class: 'sg-small sg-text' }), el('span', { class: 'sg-grow' }), el('span', { class: 'sg-state is-' + one.state, text: one.state_label })),
      el('h2', { text: one.number + ' · ' + (one.jurisdiction_name || one.agency) }),
      el('blockquote', { class: 'sg-b-quote', text: one.reason }),
      el('p', { class: 'sg-soft', text: [one.agency, one.created_by, stamp(words, one.created_at)].join(' · ') }),
      el('dl', { class: 'sg-b-facts' }, facts.flatMap(([name, value]) => [el('dt', { text: name }), el('dd', { class: 'sg-clip', text: String(value), title: String(value) })])),
      one.taken_at ? el('p', { class: 'sg-soft', text: t('b_taken', { by: one.taken_by, at: stamp(words, one.taken_at) }) }) : null,
      one.draft ? el('div', { class: 'sg-line' }, el('span', { class: 'sg-soft sg-grow sg-clip', text: t('b_draft') + ': ' + one.draft.title }), button(t('show'), () => this.toDraft(one.draft.draft_id), { class: 'sg-small' })) : null,
      one.state === 'answered' ? el('div', { class: 'sg-b-answer' }, el('b', { text: one.outcome_label }), el('p', { text: one.answer }), el('p', { class: 'sg-soft', text: [one.answered_by, stamp(words, one.answered_at)].join(' · ') })) : null,
      one.may && one.may.work && one.state !== 'answered' ? this.work(one, fields) : null,
      this.problem ? el('p', { class: 'sg-b-problem', role: 'alert', text: this.problem }) : null];
  }

  work(one, fields) {
    const { t } = this.ui.words, linked = one.draft ? one.draft.draft_id : '';
    return el('div', { class: 'sg-b-form' },
      one.state === 'open' ? button(t('b_take'), () => this.send({ state: 'in_work' }), { class: 'sg-choice' }) : null,
      el('div', { class: 'sg-line sg-b-when' }, field(t('b_mended_by'), select('objection draft', [['', t('b_no_draft')], ...this.drafts.map(draft => [draft.draft_id, draft.title])], linked, id => this.send({ state: 'in_work', draft_id: id || null })), { style: 'flex:1' }), linked ? null : button(t('b_begin_draft'), () => this.begin(), { class: 'sg-small' })),
      field(t('b_outcome'), select('outcome', [['', t('b_choose')], ...OUTCOMES.map(code => [code, this.ui.label('outcome', code)])], fields.outcome || '', value => { fields.outcome = value; })),
      field(t('b_answer'), area('answer', fields.answer || '', value => { fields.answer = value; }, { maxlength: 2000 })),
      button(t('b_do_answer'), () => this.send({ state: 'answered', outcome: fields.outcome || null, answer: (fields.answer || '').trim() || null }), { class: 'sg-primary' }));
  }

  match(code) { const key = 'b_match_' + code; return this.ui.words.has(key) ? this.ui.words.t(key) : code; }
}
