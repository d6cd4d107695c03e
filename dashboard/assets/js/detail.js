// One incident: who does what in which state and why, what happened so far, and what can be done about it.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { symbol, colourVariable } = await import('./shapes.js' + search);
const { isEnded } = await import('./live.js' + search);
const { Measures } = await import('./measures.js' + search);
const { Callers } = await import('./callers.js' + search);
const { timeline } = await import('./timeline.js' + search);
const { driveWords } = await import('./route.js' + search);
const { Objection } = await import('./objection.js' + search);
const { whyFacts } = await import('./why.js' + search);

const STEPS = ['delivered', 'accepted', 'en_route', 'on_scene', 'done'];
const RANK = { queued: 0, delivered: 1, seen: 1, accepted: 2, declined: 2, en_route: 3, on_scene: 4, done: 5 };
const NEXT = { queued: 'accepted', delivered: 'accepted', seen: 'accepted', accepted: 'en_route', en_route: 'on_scene', on_scene: 'done' };
const WORDS_OF = { cancel: 'reason', reopen: 'reason', close: 'reason', lane: 'reason', recall: 'note', appoint: 'reason' }; // all others take `text`
const RESULTS = ['handled', 'referred', 'by_phone', 'nothing_found', 'prank', 'by_residents', 'passed_on', 'not_reachable'];

export class Detail {
  constructor(ui, live, actions) {
    Object.assign(this, { ui, live, actions });
    this.id = null;
    const { t } = ui.words;
    this.measures = actions.agency ? null : new Measures(ui, live, this, actions);
    this.callers = new Callers(ui, this, actions);
    this.objection = actions.agency ? new Objection(ui, this, actions) : null;
    this.head = el('header', { class: 'sg-detail-head' });
    this.body = el('div', { class: 'sg-detail-body' });
    this.note = el('input', { class: 'sg-input', maxlength: 200, placeholder: t('note_hint'), 'aria-label': t('note_hint'), autocomplete: 'off', onkeydown: event => { if (event.key === 'Enter' && !event.ctrlKey) { event.preventDefault(); this.addNote(); } } });
    this.buttons = el('div', { class: 'sg-line sg-wrap' });
    this.foot = el('footer', { class: 'sg-detail-foot' }, this.note, this.buttons);
    this.root = el('aside', { class: 'sg-detail', 'aria-label': t('detail'), tabindex: '-1', hidden: true }, this.head, this.body, this.foot);
  }

  async open(id) {
    const isOther = id !== this.id;
    this.id = id;
    this.root.hidden = !id;
    if (isOther) { this.incident = null; this.drive = null; this.hasSteps = false; this.whyOf = null; this.whyAnswer = null; this.dialog = null; this.isLong = false; this.shut(); if (this.measures) this.measures.reset(); this.callers.reset(); if (this.objection) this.objection.reset(); this.note.value = ''; this.body.replaceChildren(); this.foot.hidden = true; this.head.replaceChildren(); if (id) this.skeleton(); }
    clearTimeout(this.wait);
    if (!id) return;
    // Running down the list with the arrow key asks only for the incident it stops at.
    const isQuick = isOther && Date.now() - (this.openedAt || 0) < 250;
    this.openedAt = Date.now();
    if (isQuick) this.wait = setTimeout(() => this.read(), 200); else await this.read();
  }

  skeleton() {
    const row = this.live.rows.get(this.id);
    if (row) this.drawHead({ ...row, incident_id: row.id, received_at: row.at * 1000 });
  }

  // Draws the newest state and returns it; null when the server is away, or another incident is open by now.
  async read() {
    const id = this.id, turn = this.turn = (this.turn || 0) + 1;
    try {
      const incident = await this.ui.api.get('/api/incidents/' + encodeURIComponent(id));
      // An answer overtaken by a later one would put the old state back.
      if (id !== this.id) return null;
      if (turn < (this.drawnTurn || 0)) return this.incident;
      this.drawnTurn = turn;
      this.incident = incident;
      this.draw();
      this.actions.read(incident);
      // After a move the unfolded reasons are those of a receipt that no longer counts.
      const shown = this.whyOf && incident.assignments.find(a => a.assignment_id === this.whyOf);
      if (shown && shown.receipt_id !== this.whyReceipt) this.toggleWhy(shown, true);
      return incident;
    } catch (error) {
      if (id === this.id && !this.incident) this.body.replaceChildren(el('p', { class: 'sg-empty', text: error.isRefusal ? error.message : this.ui.words.t('detail_away') }));
      return null;
    }
  }

  // What a change of the incident of `row` is made to: its newest known version, be it of the list or of the details.
  newest(row) {
    const known = this.incident && this.incident.incident_id === row.id ? this.incident.version : 0;
    return { incident_id: row.id, number: row.number, version: Math.max(row.version, known) };
  }

  // The drive of the station that was called, when the map has it.
  drives(incident, answer) {
    if (incident.incident_id !== this.id || !this.incident || answer === this.drive) return;
    this.drive = answer;
    this.draw();
  }

  changed(id) { if (id === this.id) this.read(); }

  age() {
    if (this.ageNode && this.incident) {
      const text = this.ui.words.age(this.live.now() - Date.parse(this.incident.received_at) / 1000);
      if (this.ageNode.textContent !== text) this.ageNode.textContent = text;
    }
  }

  // ---- drawing

  drawHead(incident) {
    const { ui } = this, { t } = ui.words, row = this.live.rows.get(this.id) || { ...incident, service: (incident.assignments || []).find(a => a.role === 'lead')?.service };
    const since = new Date(incident.received_at);
    this.ageNode = el('span', { class: 'sg-num', text: ui.words.age(this.live.now() - since.getTime() / 1000) });
    redraw(this.head, [
      symbol(row, ui.letter(row.service), 30),
      el('div', { class: 'sg-detail-title' },
        el('div', { class: 'sg-line', role: 'heading', 'aria-level': '2' }, el('b', { class: 'sg-num', text: incident.number }), incident.origin === 'drill' ? el('b', { class: 'sg-drill', text: t('drill') }) : null, el('b', { class: 'sg-clip', text: ui.typeName(incident.type) })),
        el('div', { class: 'sg-soft sg-line' }, el('span', { class: 'sg-sev', 'data-s': incident.severity, text: 'S' + incident.severity }), el('span', { text: ui.status(incident.status) }), el('span', { text: '·' }), this.ageNode, el('span', { text: '· ' + ui.words.clock(since) }),
          incident.origin && !['live', 'drill'].includes(incident.origin) ? el('span', { class: 'sg-origin', text: t('origin_' + incident.origin) }) : null)),
      button('×', () => this.actions.close(), { class: 'sg-close', 'aria-label': t('close_panel'), title: 'Esc' })]);
  }

  draw() {
    const { incident, ui } = this, { t } = ui.words, scroll = this.body.scrollTop;
    this.drawHead(incident);
    this.root.classList.toggle('is-drill', incident.origin === 'drill');
    this.leaveDialog(incident);
    const own = this.actions.agency, list = incident.assignments.slice().sort((a, b) => order(a) - order(b));
    const parts = [incident.origin === 'drill' ? el('p', { class: 'sg-drill-note', text: t('drill_note') }) : null, ...(this.measures ? this.measures.urgent(incident) : []), this.where(incident), ...(this.measures && this.measures.callsBack(incident) ? [] : this.callers.lines(incident))];
    if (incident.description) parts.push(...this.description(incident.description));
    const facts = this.facts(incident.facts || {});
    if (facts) parts.push(facts);
    if (incident.question && !own) parts.push(this.side(incident));
    if (incident.handoff && (own || isEnded(incident.status))) parts.push(el('p', { class: 'sg-question', text: t(incident.status === 'handed_off' ? 'handed_to' : 'handoff', { government: incident.handoff.government, number: incident.handoff.number || '–' }) }));
    if (this.measures) parts.push(this.measures.settings(incident), ...this.measures.joined(incident));
    if (!own) parts.push(el('h3', { text: t('assignments') + ' ' + list.length }));
    for (const assignment of list) parts.push(own ? this.desk(assignment) : this.assignment(assignment));
    parts.push(this.assumed(list));
    parts.push(driveWords(this.drive, ui, { isOpen: this.hasSteps, toggle: () => { this.hasSteps = !this.hasSteps; this.draw(); } }));
    parts.push(el('h3', { text: t('timeline') }), timeline(incident.events || [], ui));
    redraw(this.body, parts.filter(Boolean));
    this.body.scrollTop = scroll;
    this.offerWhole();
    this.drawFoot(incident);
  }

  // Long words stand in a few lines, so that the next step stays in sight; the rest is a button away.
  description(text) {
    const { t } = this.ui.words;
    this.said = el('p', { class: 'sg-description' + (this.isLong ? '' : ' is-short'), text });
    this.whole = button(t(this.isLong ? 'less' : 'more'), () => { this.isLong = !this.isLong; this.draw(); }, { class: 'sg-small sg-text', 'data-key': 'whole', 'aria-expanded': String(Boolean(this.isLong)), hidden: !this.isLong });
    return [this.said, this.whole];
  }

  offerWhole() { if (this.said && this.said.isConnected && !this.isLong) this.whole.hidden = this.said.scrollHeight <= this.said.clientHeight + 1; }

  where(incident) {
    const { ui } = this, admin = incident.admin || {}, names = level => (admin[level] || []).map(area => area.name + (area.share > 0 && area.share < 0.995 ? ' ' + ui.words.percent(area.share) : '')).join(', ');
    const point = incident.lat.toFixed(5) + ', ' + incident.lon.toFixed(5);
    return el('div', { class: 'sg-where' },
      incident.location_text ? el('b', { class: 'sg-said-place', text: incident.location_text, title: incident.location_text }) : null,
      el('div', { class: 'sg-soft', text: [names('kelurahan'), names('kecamatan')].filter(Boolean).join(' · ') }),
      el('div', { class: 'sg-line' }, el('span', { class: 'sg-num sg-soft', text: point + '  ± ' + ui.words.metres(incident.accuracy_m) }),
        button(ui.words.t('copy'), () => navigator.clipboard && navigator.clipboard.writeText(point), { class: 'sg-small' }),
        button(ui.words.t('show'), () => this.actions.show(incident), { class: 'sg-small' })));
  }

  facts(facts) {
    const { t } = this.ui.words, chips = [];
    if (facts.n_victims) chips.push(t('n_victims') + ' ' + facts.n_victims);
    if (facts.n_dead) chips.push(t('n_dead') + ' ' + facts.n_dead);
    for (const hazard of facts.hazards || []) chips.push(t('hazard_' + hazard));
    for (const flag of ['child', 'on_road', 'armed']) if (facts[flag]) chips.push(t('flag_' + flag));
    return chips.length ? el('div', { class: 'sg-agencies' }, chips.map(text => el('span', { class: 'sg-agency', text }))) : null;
  }

  // What the caller may still settle: the answer moves the point to the part of its disc on that side.
  side(incident) {
    const { t } = this.ui.words, { options } = incident.question, [one, two] = options.map(option => option.place);
    return el('div', { class: 'sg-question', role: 'group', 'aria-label': t('side_question', { one, two }) }, el('span', { text: t('side_question', { one, two }) }),
      el('span', { class: 'sg-line sg-wrap' }, options.map(option => button(option.place, () => this.event('relocate', incident, '', { lon: option.lon, lat: option.lat, accuracy_m: option.accuracy_m }), { class: 'sg-small', title: t('move_question', { number: incident.number }) + ' ' + option.name, 'data-key': 'side ' + option.jurisdiction }))));
  }

  // How far off the station is; an estimate without roads says so, and a time of recorded runs how late it may be.
  time(a) {
    const { words } = this.ui, isKnown = a.travel_time_s !== null && a.travel_time_s !== undefined;
    if (!isKnown && !a.distance_m) return null;
    const how = a.estimate === 'straight_line' ? words.t('straight_line') : a.estimate === 'road' ? words.t('by_road') : '';
    const late = isKnown && !isAssumed(a) ? words.t('p90', { time: words.travel(a.travel_time_p90_s) }) : '';
    return el('span', { class: 'sg-num', title: [how, isAssumed(a) ? words.t('not_calibrated') : late].filter(Boolean).join(', ') }, el('b', { text: isKnown ? words.travel(a.travel_time_s) : words.metres(a.distance_m) }),
      a.estimate === 'straight_line' ? el('span', { class: 'sg-soft', text: ' ' + how }) : late ? el('span', { class: 'sg-soft', text: ' (' + late + ')' }) : null);
  }

  // Said once for the list, not in every line.
  assumed(list) { return list.some(isAssumed) ? el('p', { class: 'sg-soft sg-assumed', text: this.ui.words.t('times_not_calibrated') }) : null; }

  assignment(a) {
    const { ui } = this, { t } = ui.words, isWhy = this.whyOf === a.assignment_id, isWaiting = a.role !== 'inform' && a.state in { queued: 1, delivered: 1, seen: 1 } && a.agency && !isEnded(this.incident.status);
    const mayRecall = !this.actions.agency && (a.is_recallable ?? true) && a.state === 'declined' && a.role !== 'inform' && !isEnded(this.incident.status);
    return el('article', { class: 'sg-assignment' + (isWaiting ? ' is-waiting' : '') + (a.state === 'declined' ? ' is-declined' : '') + (isWhy ? ' is-why' : ''), style: '--c:var(' + colourVariable(a.service) + ',var(--sv-none))' },
      el('div', { class: 'sg-line' },
        el('span', { class: 'sg-role', 'data-role': a.role, text: ui.label('role', a.role) }),
        a.agency ? el('b', { text: a.agency, title: a.agency_name || '' }) : el('span', { class: 'sg-none', text: t('no_agency') }),
        el('span', { class: 'sg-clip sg-grow', text: (a.jurisdiction && a.jurisdiction.name) || a.agency_name || ui.me.services[a.service] || '' }),
        this.time(a)),
      el('div', { class: 'sg-line' },
        a.role === 'inform' ? el('span', { class: 'sg-state', text: ui.state(a.state) }) : this.stepper(a),
        el('span', { class: 'sg-clip sg-grow sg-soft', text: (a.station && a.station.name) || '', title: (a.station && a.station.name) || '' }),
        isWaiting ? button(t('accept'), () => this.move(a, 'accepted', { note: t('by_phone_note') }), { class: 'sg-small', title: t('accept_for', { agency: a.agency }), 'data-key': 'accept ' + a.assignment_id }) : null,
        mayRecall ? button(t('do_recall'), () => this.recall(a, ''), { class: 'sg-small', title: t('recall_hint', { agency: a.agency }), 'data-key': 'recall ' + a.assignment_id }) : null,
        button(t('why'), () => this.toggleWhy(a), { class: 'sg-small sg-text', 'aria-pressed': String(isWhy), 'data-key': 'why ' + a.assignment_id })),
      a.note ? el('p', { class: 'sg-soft sg-said', text: '“' + a.note + '”' }) : null,
      a.appointed ? el('p', { class: 'sg-soft sg-said', text: t('appointed') + ' ' + (a.appointed.reason || '') }) : null,
      isWhy ? this.why(a) : null);
  }

  stepper(a) {
    const rank = RANK[a.state] ?? 0, isDeclined = a.state === 'declined';
    return el('span', { class: 'sg-steps' + (isDeclined ? ' is-declined' : ''), role: 'img', 'aria-label': this.ui.state(a.state) },
      STEPS.map((_, i) => el('i', { class: i < rank ? 'is-on' : '' })), el('span', { class: 'sg-state', text: this.ui.state(a.state) }));
  }

  // The sentence names border, version and rule; below it only what it does not say.
  why(a) {
    const { ui } = this, { t } = ui.words, answer = this.whyAnswer;
    const others = ((answer && answer.others) || []).slice(0, 5).map(other => {
      const name = other.name || other.code || '';
      const figure = other.share ? ui.words.percent(other.share) : other.border_m !== undefined && other.border_m !== null ? (other.border_m < 1 ? '< 1 m' : ui.words.metres(other.border_m)) : '';
      return el('li', {}, el('span', { text: name }), el('span', { class: 'sg-num', text: figure }));
    });
    return el('div', { class: 'sg-why' }, el('p', { text: a.why || (answer && answer.why) || '' }),
      answer ? whyFacts(a, answer, ui, this.incident) : null,
      others.length ? el('div', {}, el('p', { class: 'sg-soft', text: t('runners_up') }), el('ul', {}, others)) : null,
      el('p', { class: 'sg-soft sg-num sg-clip', text: t('receipt') + ' ' + a.receipt_id }),
      a.jurisdiction ? el('a', { class: 'sg-why-link', href: '/boundaries?' + new URLSearchParams({ service: a.service, jurisdiction: a.agency + '/' + a.jurisdiction.code }), target: '_blank', rel: 'noopener', text: t('see_boundary') }) : null,
      this.objection ? this.objection.parts(a) : null);
  }

  async toggleWhy(a, stay) {
    if (this.whyOf === a.assignment_id && !stay) { this.whyOf = null; this.actions.why(null); this.draw(); return; }
    this.whyOf = a.assignment_id;
    this.whyReceipt = a.receipt_id;
    this.whyAnswer = null;
    this.draw();
    try {
      const answer = await this.actions.why(a, this.incident);
      if (this.whyOf === a.assignment_id && answer) { this.whyAnswer = answer; this.draw(); if (this.objection) this.objection.read(a); }
    } catch (error) { this.actions.say(error.message, 'warn'); }
  }

  // The agency's own assignment: one big next step.
  desk(a) {
    const { ui } = this, { t } = ui.words, next = a.role === 'inform' ? (a.state === 'seen' ? null : 'seen') : NEXT[a.state], isWhy = this.whyOf === a.assignment_id;
    const later = a.role === 'inform' ? [] : { accepted: ['on_scene', 'done'], en_route: ['done'] }[a.state] || [];
    const isAnswered = !['queued', 'delivered', 'seen'].includes(a.state);
    const actions = [];
    if (next) actions.push(button(t('do_' + next), () => (next === 'done' ? this.ask(a, 'done') : this.move(a, next)), { class: 'sg-big', 'data-do': next }));
    const side = [...later.map(state => button(t('do_' + state), () => (state === 'done' ? this.ask(a, 'done') : this.move(a, state)), { class: 'sg-choice' })),
      a.role !== 'inform' && !isAnswered ? button(t('do_declined'), () => this.ask(a, 'declined'), { class: 'sg-choice' }) : null,
      button(t('why_us'), () => this.toggleWhy(a), { class: 'sg-choice', 'aria-pressed': String(isWhy) })];
    return el('article', { class: 'sg-assignment sg-own' + (a.role !== 'inform' && !isAnswered ? ' is-waiting' : ''), style: '--c:var(' + colourVariable(a.service) + ',var(--sv-none))' },
      el('div', { class: 'sg-line' }, el('span', { class: 'sg-role', 'data-role': a.role, text: ui.label('role', a.role) }), el('b', { class: 'sg-clip sg-grow', text: (a.jurisdiction && a.jurisdiction.name) || a.agency_name || '' }), this.time(a)),
      el('div', { class: 'sg-line' }, a.role === 'inform' ? el('span', { class: 'sg-state', text: ui.state(a.state) }) : this.stepper(a), el('span', { class: 'sg-clip sg-grow sg-soft', text: (a.station && a.station.name) || '' })),
      a.plan ? el('p', { class: 'sg-soft', text: a.plan }) : null,
      ...actions, el('div', { class: 'sg-line sg-wrap' }, side),
      this.dialog && this.dialog.id === a.assignment_id ? this.dialog.node : null,
      isWhy ? this.why(a) : null);
  }

  // Reason of a refusal, or result of a finished job: inside the panel, so that the map stays in sight.
  ask(a, state) {
    const { t } = this.ui.words, back = () => { this.dialog = null; this.draw(); };
    const note = el('input', { class: 'sg-input', maxlength: 200, placeholder: t(state === 'done' ? 'result_note' : 'decline_reason'), 'aria-label': t(state === 'done' ? 'result_note' : 'decline_reason') });
    const result = state === 'done' ? el('select', { class: 'sg-input', 'aria-label': t('result') }, RESULTS.map(code => el('option', { value: code, text: t('result_' + code) }))) : null;
    const send = () => {
      if (state === 'declined' && !note.value.trim()) { note.focus(); this.actions.say(t('reason_needed'), 'warn'); return; }
      this.dialog = null;
      // The version on screen now: being delivered meanwhile is no change by somebody else.
      this.move(this.incident.assignments.find(each => each.assignment_id === a.assignment_id) || a, state, { note: note.value.trim(), ...(result ? { result: result.value } : {}) });
    };
    note.addEventListener('keydown', event => { if (event.key === 'Enter') { event.preventDefault(); send(); } });
    const node = el('div', { class: 'sg-ask', role: 'group', 'aria-label': t('do_' + state), onkeydown: event => { if (event.key === 'Escape') { event.stopPropagation(); back(); } } },
      result, note, el('div', { class: 'sg-line' }, button(t('do_' + state), send, { class: 'sg-primary' }), button(t('back'), back, { class: 'sg-quiet' })));
    this.dialog = { id: a.assignment_id, state, node };
    this.draw();
    (result || note).focus();
  }

  // A colleague has answered meanwhile: the question is over, and says so once.
  leaveDialog(incident) {
    if (!this.dialog) return;
    const a = incident.assignments.find(each => each.assignment_id === this.dialog.id), now = a && RANK[a.state];
    if (a && !isEnded(incident.status) && a.state !== 'declined' && now < RANK[this.dialog.state]) return;
    const hadFocus = this.dialog.node.contains(document.activeElement);
    this.dialog = null;
    if (a) this.actions.say(this.ui.words.t('answered_elsewhere', { number: incident.number, state: this.ui.state(a.state) }), 'warn');
    if (hadFocus) this.root.focus({ preventScroll: true });
  }

  drawFoot(incident) {
    const { t } = this.ui.words, isOver = isEnded(incident.status) || incident.status === 'resolved';
    this.foot.hidden = false;
    const act = (kind, key) => button(t(key), () => (kind === 'verify' ? this.event(kind) : this.askReason(kind, {}, t(key))), { class: 'sg-choice' });
    redraw(this.buttons, [
      button(t('add_note'), () => this.addNote(), { class: 'sg-choice' }),
      ...(this.actions.agency ? [] : [
        ...this.measures.buttons(incident),
        incident.status === 'draft' ? act('verify', 'do_verify') : null,
        !isEnded(incident.status) ? button(t('do_appoint'), () => this.askAppointment(), { class: 'sg-choice', title: t('appoint_hint') }) : null,
        !isEnded(incident.status) ? button(t('do_close'), () => this.askClose(), { class: 'sg-choice' }) : null,
        !isOver ? act('cancel', 'do_cancel') : null,
        ['resolved', 'closed', 'cancelled', 'unfounded'].includes(incident.status) ? act('reopen', 'do_reopen') : null,
      ]),
    ].filter(Boolean));
  }

  // ---- doing

  addNote() {
    if (!this.note.value.trim()) { this.note.focus(); return; }
    this.event('note');
  }

  // Closing needs a result, and a reason while an agency is still at it.
  askClose() {
    const { t } = this.ui.words;
    const result = el('select', { class: 'sg-input', 'aria-label': t('result') }, RESULTS.map(code => el('option', { value: code, text: t('result_' + code) })));
    const reason = el('input', { class: 'sg-input', maxlength: 1000, placeholder: t('close_reason'), 'aria-label': t('close_reason') });
    this.prompt(t('do_close'), [result, reason], () => this.event('close', this.incident, reason.value.trim(), { result: result.value }));
  }

  // ---- calling others

  recall(a, note) { return this.event('recall', this.incident, note, { assignment_id: a.assignment_id }); }

  // Whom the server offers, nearest first; null when it is away.
  async appointable() {
    try { return (await this.ui.api.get('/api/incidents/' + encodeURIComponent(this.id) + '/appointable')).items; } catch { return null; }
  }

  appoint(item, role, reason) { return this.event('appoint', this.incident, reason, { jurisdiction: item.jurisdiction, service: item.service, role }); }

  // Without a lead that could still come, whoever is appointed leads.
  usualRole(incident) { return incident.assignments.some(a => a.role === 'lead' && a.agency && a.state !== 'declined') ? 'support' : 'lead'; }

  async askAppointment() {
    const { ui } = this, { t } = ui.words, { id } = this, items = await this.appointable();
    if (id !== this.id) return;
    if (!items || !items.length) { this.actions.say(t(items ? 'appoint_none' : 'not_sent'), 'warn'); return; }
    const groups = new Map(), usual = this.usualRole(this.incident);
    const isOut = item => Boolean(item.assignment) && item.assignment.state === 'declined';
    for (const item of items) groups.set(item.service, [...(groups.get(item.service) || []), item]);
    const option = item => el('option', { value: String(items.indexOf(item)), text: [item.name.startsWith(item.agency) ? item.name : item.agency + ' ' + item.name, item.station ? item.station.name : '', item.travel_time_s !== null && item.travel_time_s !== undefined ? ui.words.travel(item.travel_time_s) : '', item.assignment ? (isOut(item) ? ui.state('declined') : ui.label('role', item.assignment.role)) : ''].filter(Boolean).join(' · ') });
    const whom = el('select', { class: 'sg-input', 'aria-label': t('appoint_whom'), onchange: () => roles() }, el('option', { value: '', text: t('appoint_choose'), disabled: true }), [...groups].map(([service, list]) => el('optgroup', { label: list[0].service_name || service }, list.map(option))));
    const role = el('select', { class: 'sg-input', 'aria-label': t('appoint_role') }), reason = el('input', { class: 'sg-input', maxlength: 1000, placeholder: t('reason'), 'aria-label': t('reason') });
    const roles = () => {
      const allowed = whom.value === '' ? [usual] : items[Number(whom.value)].roles;
      role.replaceChildren(...allowed.map(code => el('option', { value: code, text: ui.label('role', code) })));
      role.value = allowed.includes(usual) ? usual : allowed[0];
    };
    // Nobody is chosen before the operator has chosen: one Enter too many must not call whoever stands first.
    whom.value = '';
    roles();
    this.prompt(t('do_appoint'), [whom, this.assumed(items), role, reason].filter(Boolean), () => {
      if (whom.value === '') { this.actions.say(t('appoint_choose_first'), 'warn'); whom.focus(); return false; }
      if (reason.value.trim()) return this.appoint(items[Number(whom.value)], role.value, reason.value.trim());
      this.actions.say(t('reason_needed'), 'warn');
      reason.focus();
      return false;
    });
  }

  // A change that needs a reason: the note, if there is one already, else asked for here.
  askReason(kind, more, label) {
    if (this.note.value.trim()) { this.event(kind, this.incident, this.note.value.trim(), more); return; }
    const { t } = this.ui.words, reason = el('input', { class: 'sg-input', maxlength: 1000, placeholder: t('reason'), 'aria-label': t('reason') });
    this.prompt(label, [reason], () => {
      if (reason.value.trim()) return this.event(kind, this.incident, reason.value.trim(), more);
      this.actions.say(t('reason_needed'), 'warn');
      reason.focus();
      return false;
    });
  }

  // One question at a time above the buttons; it goes when `send` says that it worked.
  prompt(label, fields, send) {
    const { t } = this.ui.words, from = document.activeElement;
    const back = () => { this.shut(); if (from && from.isConnected) from.focus(); };
    const done = async () => { const node = this.closing; if (await send()) { if (node === this.closing) this.shut(); this.root.focus({ preventScroll: true }); } };
    const onKey = event => {
      if (event.key === 'Enter' && !event.ctrlKey && event.target.tagName === 'INPUT') { event.preventDefault(); done(); }
      if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); back(); }
    };
    this.shut();
    this.closing = el('div', { class: 'sg-ask', role: 'group', 'aria-label': label, onkeydown: onKey }, fields, el('div', { class: 'sg-line' }, button(label, done, { class: 'sg-primary' }), button(t('back'), back, { class: 'sg-quiet' })));
    this.foot.prepend(this.closing);
    fields[0].focus();
  }

  shut() { if (this.closing) { this.closing.remove(); this.closing = null; } }

  async event(kind, incident = this.incident, note = this.note.value.trim(), more = {}) {
    const { t } = this.ui.words;
    const words = note ? { [WORDS_OF[kind] || 'text']: note } : {};
    const isDone = await this.actions.send(async () => {
      await this.ui.api.post('/api/incidents/' + encodeURIComponent(incident.incident_id) + '/events', { kind, version: incident.version, ...words, ...more });
      if (incident.incident_id === this.id && note === this.note.value.trim()) this.note.value = '';
      this.actions.say(t('done_' + kind, { number: incident.number }));
    });
    if (incident.incident_id === this.id) await this.read();
    return isDone;
  }

  async move(a, state, more = {}) {
    const isDone = await this.actions.send(() => this.ui.api.post('/api/assignments/' + encodeURIComponent(a.assignment_id) + '/state', { state, version: a.version, note: more.note || '', ...(more.result ? { result: more.result } : {}) }));
    if (this.id) await this.read();
    return isDone;
  }
}

// Seconds of the model on assumed speeds: no recorded runs stand behind them.
const isAssumed = a => a.travel_time_s !== null && a.travel_time_s !== undefined && (a.travel_time_p90_s === null || a.travel_time_p90_s === undefined);
const order = a => ({ lead: 0, support: 1, inform: 2 }[a.role] ?? 3) * 1000 + Math.min(999, (a.travel_time_s ?? 900) / 10);
