// "Not our ground": an agency's objection to an assignment, made below "Why us?", and the answers to its own.

const search = new URL(import.meta.url).search;
const { el, button } = await import('./dom.js' + search);

export class Objection {
  constructor(ui, detail, actions) {
    Object.assign(this, { ui, detail, actions });
    this.reset();
  }

  reset() { Object.assign(this, { of: null, items: [], isOpen: false, reason: '', agency: '', problem: '', isBusy: false }); }

  // What was objected to in this incident, and what became of it.
  async read(assignment) {
    const incident = this.detail.incident, id = assignment.assignment_id;
    if (this.of !== id) { this.reset(); this.of = id; }
    try {
      const answer = await this.ui.api.get('/api/objections?' + new URLSearchParams({ incident: incident.incident_id }));
      if (this.of !== id) return;
      this.items = answer.items.filter(one => one.assignment_id === id);
      this.detail.draw();
    } catch (error) { console.debug('siaga objections', error.message); }
  }

  parts(a) {
    const { t } = this.ui.words;
    if (this.of !== a.assignment_id) return null;
    const waits = this.items.some(one => one.state !== 'answered');
    return el('div', { class: 'sg-objection' }, this.items.map(one => this.said(one)),
      this.isOpen ? this.form(a) : waits ? null : button(t('not_ours'), () => { this.isOpen = true; this.problem = ''; this.detail.draw(); this.detail.body.querySelector('[data-key="objection reason"]')?.focus(); }, { class: 'sg-choice', 'data-key': 'not ours' }));
  }

  said(one) {
    const { words } = this.ui, { t } = words;
    return el('div', { class: 'sg-objection-said' },
      el('div', { class: 'sg-line' }, el('b', { class: 'sg-grow', text: t('objection') }), el('span', { class: 'sg-state', text: one.outcome_label || one.state_label })),
      el('p', { class: 'sg-soft', text: '“' + one.reason + '”' }),
      one.answer ? el('p', { text: one.answer }) : null,
      one.answer ? el('p', { class: 'sg-soft', text: [one.answered_by, words.day(one.answered_at) + ' ' + words.clock(one.answered_at)].join(' · ') }) : null);
  }

  form(a) {
    const { t } = this.ui.words, agencies = Object.entries(this.ui.me.agencies).filter(([code]) => code !== a.agency).sort((x, y) => x[1].localeCompare(y[1]));
    const back = () => { this.isOpen = false; this.detail.draw(); };
    return el('form', { class: 'sg-ask', novalidate: true, 'aria-label': t('not_ours'), onsubmit: event => { event.preventDefault(); this.send(a); }, onkeydown: event => { if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); back(); } } },
      el('p', { class: 'sg-soft', text: t('objection_note') }),
      el('textarea', { class: 'sg-input', rows: 3, maxlength: 2000, 'data-key': 'objection reason', value: this.reason, placeholder: t('objection_reason'), 'aria-label': t('objection_reason'), oninput: event => { this.reason = event.target.value; } }),
      el('select', { class: 'sg-input', 'data-key': 'objection agency', 'aria-label': t('objection_whose'), onchange: event => { this.agency = event.target.value; } }, [['', t('objection_whose')], ...agencies].map(([code, name]) => el('option', { value: code, text: name, selected: code === this.agency }))),
      this.problem ? el('p', { class: 'sg-alarm-text', role: 'alert', text: this.problem }) : null,
      el('div', { class: 'sg-line' }, el('button', { type: 'submit', class: 'sg-primary', text: t('objection_send'), disabled: this.isBusy }), button(t('back'), back, { class: 'sg-quiet' })));
  }

  async send(a) {
    const { t } = this.ui.words;
    if (this.isBusy) return;
    if (!this.reason.trim()) { this.problem = t('objection_need'); this.detail.draw(); return; }
    this.isBusy = true;
    try {
      const made = await this.ui.api.post('/api/assignments/' + encodeURIComponent(a.assignment_id) + '/objection', { reason: this.reason.trim(), ...(this.agency ? { agency: this.agency } : {}) });
      Object.assign(this, { items: [...this.items, made], isOpen: false, reason: '', agency: '', problem: '' });
      this.actions.say(t('objection_sent'));
    } catch (error) { this.problem = error.isRefusal ? error.lines().join(' ') : t('not_sent'); }
    this.isBusy = false;
    this.detail.draw();
  }
}
