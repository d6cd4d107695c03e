// From a draft to boundaries: proposing, the sides and their signatures, withdrawing.

const search = new URL(import.meta.url).search;
const { el, button } = await import('./dom.js' + search);
const { stamp, localField, ground, input, area, field } = await import('./boundaryparts.js' + search);
const { cityTime } = await import('./closuredraft.js' + search);

const AHEAD_MS = 14 * 86400000;

export class Signing {
  constructor(ui, drafts) {
    Object.assign(this, { ui, drafts, open: null, problem: '' });
    this.fields = {};
  }

  parts() {
    const { draft } = this.drafts, { t } = this.ui.words;
    if (this.of !== draft.draft_id) { this.of = draft.draft_id; this.open = null; this.problem = ''; this.fields = {}; }
    const buttons = [
      draft.may.propose && draft.state === 'open' ? this.toggle('propose') : null,
      draft.may.sign ? this.toggle('sign') : null,
      draft.may.withdraw ? this.toggle('withdraw') : null,
    ].filter(Boolean);
    return [
      draft.sides.length ? el('h3', { text: t('b_sides') }) : null,
      draft.sides.length ? el('ul', { class: 'sg-b-list' }, draft.sides.map(side => this.side(side))) : null,
      draft.digest ? el('p', { class: 'sg-soft sg-num sg-clip', title: draft.digest, text: t('b_digest', { digest: draft.digest.slice(0, 16) }) }) : null,
      buttons.length ? el('div', { class: 'sg-line sg-wrap sg-b-doing' }, buttons) : null,
      this.open ? this[this.open]() : null];
  }

  toggle(what) {
    const isOpen = this.open === what;
    return button(this.ui.words.t('b_do_' + what), () => { this.open = isOpen ? null : what; this.problem = ''; this.drafts.draw(); if (!isOpen) this.drafts.root.querySelector('.sg-b-signing :is(input, textarea)')?.focus(); }, { class: what === 'withdraw' ? 'sg-quiet' : 'sg-choice', 'aria-expanded': String(isOpen), 'data-key': 'do ' + what });
  }

  side(side) {
    const { words } = this.ui, { t } = words, one = side.signature;
    return el('li', { class: 'sg-b-change' },
      el('div', { class: 'sg-line' }, el('b', { class: 'sg-grow sg-clip', text: side.name }), el('span', { class: 'sg-soft sg-num', text: '+' + ground(words, side.gained_m2) + ' −' + ground(words, side.lost_m2) })),
      el('p', { class: one ? 'sg-b-signed' : 'sg-b-due', text: one ? t(one.paper_ref ? 'b_signed_paper' : 'b_signed', { office: one.office, by: one.signed_by, at: stamp(words, one.signed_at), ref: one.paper_ref || '' }) : t(this.drafts.draft.state === 'open' ? 'b_will_sign' : 'b_waiting_for', { name: side.name, agency: side.agency }) }));
  }

  form(what, ...children) {
    const { t } = this.ui.words;
    return el('form', { class: 'sg-b-form sg-b-signing', novalidate: true, 'aria-label': t('b_do_' + what), onsubmit: event => { event.preventDefault(); this['send_' + what](); } }, ...children.filter(Boolean),
      this.problem ? el('p', { class: 'sg-b-problem', role: 'alert', text: this.problem }) : null,
      el('div', { class: 'sg-line' }, el('button', { type: 'submit', class: 'sg-primary', text: t('b_do_' + what), disabled: this.drafts.isBusy }), button(t('back'), () => { this.open = null; this.drafts.draw(); }, { class: 'sg-quiet' })));
  }

  propose() {
    const { words } = this.ui, { t } = words, { fields } = this, { gaps } = this.drafts.draft.checks;
    fields.at ??= localField(words, Math.ceil((Math.max(Date.now(), Date.parse(this.drafts.page.scheduledAt) || 0) + AHEAD_MS) / 3600000) * 3600000);
    return this.form('propose',
      field(t('b_effective_from'), input('effective', fields.at, value => { fields.at = value; }, { type: 'datetime-local' })),
      field(t('b_reason'), area('reason', fields.reason || '', value => { fields.reason = value; }, { maxlength: 1000 })),
      gaps.length ? field(t('b_gap_reason', { n: gaps.length }), area('gap_reason', fields.gap || '', value => { fields.gap = value; }, { maxlength: 1000, rows: 2 })) : null);
  }

  async send_propose() {
    const { fields, drafts } = this, { timeZone } = this.ui.words;
    await this.done(drafts.send('propose', { version: drafts.draft.version, effective_from: fields.at ? cityTime(fields.at, timeZone) : null, reason: (fields.reason || '').trim() || null, gap_reason: (fields.gap || '').trim() || null }));
  }

  sign() {
    const { t } = this.ui.words, { fields } = this, isAdmin = this.ui.me.role === 'admin', sides = this.drafts.draft.sides.filter(side => side.may_sign);
    fields.chosen ??= isAdmin ? [] : sides.map(side => side.jurisdiction);
    return this.form('sign',
      el('p', { class: 'sg-soft', text: t('b_sign_note', { digest: (this.drafts.draft.digest || '').slice(0, 16) }) }),
      el('div', { role: 'group', 'aria-label': t('b_sides') }, sides.map(side => el('label', { class: 'sg-b-check' }, el('input', { type: 'checkbox', 'data-key': 'side ' + side.jurisdiction, checked: fields.chosen.includes(side.jurisdiction), onchange: event => { fields.chosen = event.target.checked ? [...fields.chosen, side.jurisdiction] : fields.chosen.filter(one => one !== side.jurisdiction); } }), el('span', { text: side.name })))),
      field(t('b_office'), input('office', fields.office || '', value => { fields.office = value; }, { maxlength: 200, placeholder: t('b_office_hint') })),
      isAdmin ? field(t('b_paper_ref'), input('paper', fields.paper || '', value => { fields.paper = value; }, { maxlength: 200 })) : null);
  }

  async send_sign() {
    const { fields, drafts } = this, body = { digest: drafts.draft.digest, office: (fields.office || '').trim(), jurisdictions: fields.chosen };
    if (this.ui.me.role === 'admin') body.paper_ref = (fields.paper || '').trim() || null;
    const answer = await this.done(drafts.send('sign', body));
    if (answer && answer.state === 'scheduled') drafts.page.say(this.ui.words.t('b_scheduled', { at: stamp(this.ui.words, answer.effective_from) }));
  }

  withdraw() {
    const { t } = this.ui.words, { fields } = this;
    return this.form('withdraw', field(t('b_reason'), input('withdraw reason', fields.why || '', value => { fields.why = value; }, { maxlength: 1000 })));
  }

  async send_withdraw() {
    const { drafts } = this;
    await this.done(drafts.send('withdraw', { version: drafts.draft.version, reason: (this.fields.why || '').trim() || null }));
  }

  async done(sending) {
    const { answer, problem } = await sending;
    if (answer) { this.open = null; this.problem = ''; this.fields = {}; } else this.problem = problem || '';
    this.drafts.draw();
    return answer;
  }
}
