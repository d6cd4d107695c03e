// What an operator does to an incident beside its assignments: hand it off, call the reporter back, escalate, change
// lane or classification, join it with another.

const search = new URL(import.meta.url).search;
const { el, button, keyCap } = await import('./dom.js' + search);
const { isEnded, isWaiting, metresBetween, CALLS_NOBODY } = await import('./live.js' + search);

const NEAR_M = 300, NEAR_S = 3 * 3600, NEAR_SHOWN = 2;
const CALL_BACK = new Set(['resolved', 'closed']);

export class Measures {
  constructor(ui, live, detail, actions) { Object.assign(this, { ui, live, detail, actions, form: null }); }

  // Another incident is shown: what was half written belonged to the one before.
  reset() { this.form = null; }

  isUnassigned(incident) {
    const lead = incident.assignments.find(a => a.role === 'lead') || incident.assignments[0];
    return Boolean(lead) && !lead.agency;
  }

  // Nobody leads: no agency was found, or the lead has declined.
  needsAgency(incident) { return Boolean(incident.needs_agency) && !isEnded(incident.status) && incident.status !== 'resolved'; }

  // ---- what must be decided now: above everything else

  urgent(incident) {
    const parts = [];
    if (this.needsAgency(incident) && !this.isUnassigned(incident)) parts.push(this.nobody(incident));
    if (!isEnded(incident.status) && (incident.handoff || this.isUnassigned(incident))) parts.push(this.handoff(incident));
    if (CALL_BACK.has(incident.status)) parts.push(this.callBack(incident));
    return parts;
  }

  nobody(incident) {
    const { t } = this.ui.words, acting = incident.assignments.filter(a => a.role !== 'inform' && a.agency), declined = acting.filter(a => a.state === 'declined');
    // With others still on it somebody comes; without, nobody does.
    const isLost = declined.length === acting.length, lead = declined.find(a => a.role === 'lead'), said = isLost ? t('all_declined') : t('has_declined', { agency: lead ? lead.agency : '' });
    return el('section', { class: 'sg-urgent is-alarm', role: 'group', 'aria-label': said },
      el('div', { class: 'sg-line sg-wrap' }, el('b', { class: 'sg-none', text: said }), el('span', { text: t(isLost ? 'all_declined_do' : 'lead_declined_do') })),
      el('div', { class: 'sg-line sg-wrap' },
        button(t('do_appoint'), () => this.detail.askAppointment(), { class: 'sg-primary' }),
        declined.slice(0, 3).map(a => button(t('recall_of', { agency: declined.filter(each => each.agency === a.agency).length > 1 && a.jurisdiction ? a.jurisdiction.name : a.agency }), () => this.detail.recall(a, ''), { class: 'sg-small', 'data-key': 'again ' + a.assignment_id }))));
  }

  handoff(incident) {
    const { t } = this.ui.words;
    if (this.form) return this.form;
    const proposal = incident.handoff || {}, send = () => this.handOff(government, number);
    const line = (key, value, size) => el('input', { class: 'sg-input', value: value || '', maxlength: 200, size, placeholder: t(key), 'aria-label': t(key), autocomplete: 'off', oninput: name, onkeydown: event => { if (event.key === 'Enter' && !event.ctrlKey) { event.preventDefault(); send(); } } });
    const submit = button('', send, { class: 'sg-primary sg-clip', 'data-key': 'handoff' });
    function name() { submit.textContent = government.value.trim() ? t('handoff_to', { government: government.value.trim() }) : t('do_handoff'); }
    const government = line('handoff_government', proposal.government, 18), number = line('handoff_number', proposal.number, 8);
    name();
    this.form = el('section', { class: 'sg-urgent', 'aria-label': t('do_handoff') },
      el('div', { class: 'sg-line' }, this.isUnassigned(incident) ? el('span', { class: 'sg-none', text: t('no_agency') }) : null, el('span', { class: 'sg-soft', text: t(incident.handoff ? 'handoff_outside' : 'handoff_who') })),
      el('div', { class: 'sg-line sg-handoff' }, government, number), submit);
    return this.form;
  }

  async handOff(government, number) {
    if (!government.value.trim()) { government.focus(); this.actions.say(this.ui.words.t('handoff_needs'), 'warn'); return; }
    await this.detail.event('handoff', undefined, undefined, { government: government.value.trim(), number: number.value.trim() });
  }

  // Whether the reporter is still to be called: then the number stands with the question.
  callsBack(incident) { return CALL_BACK.has(incident.status) && !this.isConfirmed(incident); }

  isConfirmed(incident) {
    const last = incident.events.filter(event => ['confirm', 'reopen'].includes(event.kind)).pop();
    return Boolean(last && last.kind === 'confirm' && last.detail.handled);
  }

  callBack(incident) {
    const { t } = this.ui.words;
    if (this.isConfirmed(incident)) return el('p', { class: 'sg-confirmed', text: t('confirmed') });
    const called = this.detail.callers.lines(incident, t('call_back_reason'));
    const act = (handled, key) => button(t(key), () => this.detail.event('confirm', undefined, undefined, { handled }), { class: 'sg-choice', title: t(key + '_hint') });
    return el('section', { class: 'sg-urgent is-calm sg-line sg-wrap', role: 'group', 'aria-label': t('call_back') }, el('b', { class: 'sg-grow', text: t('call_back') }),
      ...(called.length ? called : [el('span', { class: 'sg-soft', text: t('caller_none') })]), act(true, 'confirm_yes'), act(false, 'confirm_no'));
  }

  // ---- lane, classification, joining: one line each

  settings(incident) {
    const { ui } = this, { t } = ui.words, isOpen = !isEnded(incident.status);
    const kinds = el('select', { class: 'sg-input', 'aria-label': t('classification'), title: t('classification'), 'data-key': 'classification', onchange: () => this.classify(incident, kinds) },
      Object.entries(ui.me.labels.classification || {}).map(([code, text]) => el('option', { value: code, text })));
    kinds.value = incident.classification;
    const lane = incident.lane === 'L'
      ? el('button', { type: 'button', class: 'sg-small', title: t('lane_raise_hint'), onclick: () => this.raise() }, el('span', { text: t('lane_raise') + ' ' }), keyCap('D'))
      : button(t('lane_lower'), () => this.detail.askReason('lane', { lane: 'L' }, t('lane_lower')), { class: 'sg-small', title: t('lane_lower_hint') });
    return el('div', { class: 'sg-line sg-settings' }, el('label', { class: 'sg-line sg-soft' }, el('span', { text: t('call_was') }), kinds), el('span', { class: 'sg-soft sg-grow', text: t('lane') + ' ' + incident.lane, title: t('lane_' + incident.lane) }), isOpen ? lane : null);
  }

  async classify(incident, kinds) {
    const chosen = kinds.value;
    if (!(await this.isMeant(incident, chosen))) { kinds.value = incident.classification; return; }
    this.detail.event('classify', this.detail.incident, '', { classification: chosen });
  }

  // A slip in a list or on the command line must not end an incident: such a classification is asked about.
  async isMeant({ number, status }, classification) {
    if (!CALLS_NOBODY.has(classification) || isEnded(status)) return true;
    const { t } = this.ui.words, name = this.ui.label('classification', classification);
    return Boolean(await this.actions.ask(t('classify_question', { number, name }), [[true, t('classify_yes')]]));
  }

  // Raising is one key; lowering the urgency needs a reason.
  raise() {
    const incident = this.detail.incident;
    if (incident && incident.lane === 'L' && !isEnded(incident.status)) this.detail.event('lane', incident, '', { lane: 'D' });
  }

  joined(incident) {
    const { ui } = this, { t } = ui.words, inside = new Map(), isOpen = !isEnded(incident.status);
    for (const event of incident.events) {
      if (event.kind === 'attach') inside.set(event.detail.incident_id, event.detail.number);
      if (event.kind === 'detach') inside.delete(event.detail.incident_id);
    }
    const line = (number, text, key, action) => el('p', { class: 'sg-line sg-join' }, el('b', { class: 'sg-num', text: number }), el('span', { class: 'sg-clip sg-grow sg-soft', text }),
      isOpen ? button(t(key, { number }), action, { class: 'sg-small' }) : null);
    return [
      ...[...inside].map(([id, number]) => line(number, t('joined_here'), 'detach_from', () => this.detail.event('detach', undefined, '', { incident_id: id }))),
      ...(isOpen ? this.near(incident) : []).map(({ row, distance }) => line(row.number, [ui.typeName(row.type), ui.words.metres(distance), ui.words.age(this.live.age(row))].join(' · '), 'attach_to', () => this.join(row))),
    ];
  }

  // Open incidents close by in place and time, the same kind first. Only the operator can tell whether they are one.
  near(incident) {
    const family = code => (this.ui.me.types.find(type => type.code === code) || {}).family, at = Date.parse(incident.received_at) / 1000, found = [];
    for (const row of this.live.rows.values()) {
      if (row.id === incident.incident_id || (row.origin === 'drill') !== (incident.origin === 'drill') || Math.abs(row.at - at) > NEAR_S) continue;
      const distance = metresBetween(row, incident);
      if (distance <= NEAR_M + Math.min(700, row.accuracy + incident.accuracy_m)) found.push({ row, distance, unlike: row.type === incident.type ? 0 : family(row.type) === family(incident.type) ? 1 : 2 });
    }
    return found.sort((a, b) => a.unlike - b.unlike || a.distance - b.distance).slice(0, NEAR_SHOWN);
  }

  async join(row) {
    const { incident } = this.detail;
    const isDone = await this.detail.event('attach', { incident_id: row.id, number: row.number, version: row.version }, '', { incident_id: incident.incident_id });
    if (isDone) this.actions.select(row.id);
  }

  // ---- below, beside note and close

  buttons(incident) {
    const { t } = this.ui.words;
    if (isEnded(incident.status) || !incident.assignments.some(a => a.agency && isWaiting(a))) return [];
    return [button(t('do_escalate'), () => this.escalate(), { class: 'sg-choice', title: t('escalate_hint') })];
  }

  async escalate() {
    if (!(await this.detail.event('escalate'))) return;
    const last = this.detail.incident && this.detail.incident.events.filter(event => event.kind === 'escalate').pop();
    if (last && last.detail.n_clocks === 0) this.actions.say(this.ui.words.t('escalate_none'), 'warn');
  }
}
