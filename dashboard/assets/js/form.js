// The call form: command line, place, type, words, facts, caller. Lives in the browser, so a dead server stops nothing.

const search = new URL(import.meta.url).search;
const { el, button, keyCap, redraw } = await import('./dom.js' + search);
const { readCoordinates } = await import('./coordinates.js' + search);
const { readCommand, nearTypes } = await import('./command.js' + search);
const { PlaceField } = await import('./placefield.js' + search);
const { TypePicker } = await import('./typepicker.js' + search);
const { Preview } = await import('./preview.js' + search);
const { mendQuestion } = await import('./mend.js' + search);
const { metresBetween } = await import('./live.js' + search);

const HAZARDS = ['fire', 'gas', 'weapon', 'electricity', 'water', 'hazmat', 'crowd'];
const FLAGS = ['child', 'on_road'];
const MOST_TEXT = 4000, NEARLY_TEXT = 3600;
const ACCURACIES = [10, 15, 25, 50, 100, 250, 500, 1000, 2500, 5000];
const METHOD_ACCURACY = { map: 25, gps: 15, link: 20, landmark: 60, address: 60, cell: 1000 };
// What each classification is stored as when the operator names it without a type.
const ADMIN_TYPE = { information: 'ADM1', prank: 'ADM2', ghost: 'ADM3', out_of_area: 'ADM4', test: 'ADM5', wrong_number: 'ADM1' };

export class Form {
  constructor(ui, outbox, actions) {
    Object.assign(this, { ui, outbox, actions });
    this.draft = outbox.draft;
    this.build();
    this.fill();
    this.render();
  }

  // ---- what is written

  get isEmpty() { return !Object.keys(this.draft).some(key => !['isGuess', 'noGuess'].includes(key)); }

  change(patch) {
    for (const [key, value] of Object.entries(patch)) {
      if (value === undefined || value === null || value === '' || value === false || (Array.isArray(value) && !value.length)) delete this.draft[key];
      else this.draft[key] = value;
    }
    this.outbox.draft = this.draft;
    this.render();
  }

  setPoint(point) {
    this.mended = null;
    this.change({ confirmPosition: null, lon: round(point.lon), lat: round(point.lat), method: point.method, accuracy_m: Math.min(5000, Math.round(point.accuracy_m ?? METHOD_ACCURACY[point.method] ?? 25)) });
    this.actions.pointChanged(this.draft, point.method !== 'map');
  }

  // What the caller answered is written down with the place, for those who come later.
  takeSide(option) {
    const side = this.ui.words.t('side_of', { place: option.place }), said = (this.draft.placeText || '').trim();
    const place = said && !readCoordinates(said, this.ui.me.city) ? said + ' (' + side + ')' : side;
    this.change({ placeText: place.slice(0, 200) });
    this.place.input.value = this.draft.placeText;
    this.setPoint({ lon: option.lon, lat: option.lat, accuracy_m: option.accuracy_m, method: 'landmark' });
  }

  // The operator has seen on the map where the point lies and where it was probably meant to be.
  useMended({ lon, lat }) {
    const { method, accuracy_m } = this.draft;
    // What was written as coordinates is now others; a name stays.
    if (readCoordinates(this.draft.placeText || '', this.ui.me.city)) {
      this.draft.placeText = this.place.input.value = lat.toFixed(6) + ', ' + lon.toFixed(6);
      this.place.pointText = this.draft.placeText;
    }
    this.problems = null;
    this.setPoint({ lon, lat, method: method === 'map' ? 'gps' : method, accuracy_m });
  }

  keepPoint() {
    this.mended = this.problems = null;
    this.change({ confirmPosition: true });
  }

  forgetPoint() {
    this.mended = null;
    this.change({ confirmPosition: null, lon: undefined, lat: undefined, method: null, accuracy_m: null });
    this.actions.pointChanged(this.draft, false);
  }

  // More than a point on the map: something that was said in one call and is wrong in the next.
  get isSaid() { return Object.keys(this.draft).some(key => !['isGuess', 'noGuess', 'lon', 'lat', 'accuracy_m', 'method', 'confirmPosition'].includes(key)); }

  // Sets the draft aside; it waits above the form until it is taken up again or thrown away.
  park() {
    if (this.isSaid) this.outbox.parked = [...this.outbox.parked, { ...this.draft, parkedAt: Date.now() }];
    this.clear();
  }

  takeUp(at) {
    const { parkedAt, ...draft } = this.outbox.parked[at];
    this.outbox.parked = this.outbox.parked.filter((_, i) => i !== at);
    this.park();
    this.load(draft);
    this.text.focus();
  }

  // A draft in a few words, to be told from another.
  inWords(draft) {
    const type = this.picker.of(draft.type);
    return [type && type.name, draft.placeText, draft.phone, draft.name, draft.text].filter(Boolean).join(' · ') || this.ui.words.t('new_report');
  }

  clear() {
    this.draft = {};
    this.outbox.draft = {};
    this.problems = this.mended = null;
    this.picker.open = null;
    this.fill();
    this.render();
    this.actions.pointChanged(this.draft, false);
  }

  load(draft, problems, mended) {
    this.draft = { ...draft };
    this.outbox.draft = this.draft;
    this.problems = problems || null;
    this.mended = mended || null;
    this.fill();
    this.render();
    this.actions.pointChanged(this.draft, true);
  }

  get canSave() {
    const type = this.picker.of(this.draft.type);
    return Boolean(type && !this.isTooLong && (this.draft.lon !== undefined || (this.draft.placeText || '').trim() || type.lane === null));
  }

  get isTooLong() { return (this.draft.text || '').trim().length > MOST_TEXT; }

  body() {
    const d = this.draft, facts = {}, caller = {};
    const body = { type: d.type, channel: '112', occurred_at: new Date(this.actions.now() * 1000).toISOString() };
    if (d.lon !== undefined) Object.assign(body, { lon: d.lon, lat: d.lat, accuracy_m: d.accuracy_m, location_method: d.method });
    const place = (d.placeText || '').trim().slice(0, 200);
    if (place && !(d.lon !== undefined && readCoordinates(place, this.ui.me.city))) body.location_text = place;
    else if (d.lon === undefined) body.location_text = this.ui.words.t('place_unknown');
    if (d.severity) body.severity = d.severity;
    if ((d.text || '').trim()) body.description = d.text.trim();
    if (d.n_victims) facts.n_victims = d.n_victims;
    if (d.n_dead) facts.n_dead = d.n_dead;
    if (d.hazards) facts.hazards = d.hazards;
    if (d.hazards && d.hazards.includes('weapon')) facts.armed = true;
    for (const flag of FLAGS) if (d[flag]) facts[flag] = true;
    if (Object.keys(facts).length) body.facts = facts;
    for (const key of ['phone', 'name', 'relation']) if ((d[key] || '').trim()) caller[key] = d[key].trim();
    if (Object.keys(caller).length) body.caller = caller;
    if (d.attach_to) body.attach_to = d.attach_to;
    if (d.classification) body.classification = d.classification;
    if (d.confirmPosition && d.lon !== undefined) body.confirm_position = true;
    if (d.isDrill) body.drill = true;
    return body;
  }

  save() {
    if (!this.canSave) { this.actions.say(this.ui.words.t(this.isTooLong ? 'text_too_long' : this.draft.type ? 'need_place' : 'need_type', { limit: MOST_TEXT }), 'warn'); return; }
    this.outbox.add(this.body(), { ...this.draft });
    this.clear();
    this.command.focus();
  }

  // ---- elements

  build() {
    const { t } = this.ui.words;
    this.command = el('input', { class: 'sg-input sg-command', placeholder: t('command_hint'), 'aria-label': t('command'), autocomplete: 'off', spellcheck: 'false', onkeydown: e => this.onCommandKey(e) });
    this.place = new PlaceField(this.ui, { onText: placeText => this.change({ placeText }), onPoint: point => this.setPoint(point), onOther: () => { if (this.draft.method !== 'map') this.forgetPoint(); } });
    this.accuracy = el('select', { class: 'sg-input', 'aria-label': t('accuracy'), title: t('accuracy'), onchange: () => { this.change({ accuracy_m: Number(this.accuracy.value) }); this.actions.pointChanged(this.draft, false); } });
    this.picker = new TypePicker(this.ui, code => this.picked(code));
    this.text = el('textarea', { class: 'sg-input', rows: 2, placeholder: t('text_hint'), 'aria-label': t('text'), oninput: () => this.onText() });
    this.length = el('p', { class: 'sg-length', role: 'status', hidden: true });
    this.questions = el('p', { class: 'sg-questions', hidden: true });
    this.severities = [1, 2, 3, 4].map(n => button('S' + n, () => this.change({ severity: this.draft.severity === n ? null : n }), { class: 'sg-choice sg-sev-choice', 'data-s': n, title: t('severity_' + n) }));
    this.victims = this.number('n_victims');
    this.dead = this.number('n_dead');
    this.hazards = HAZARDS.map(hazard => button(t('hazard_' + hazard), () => { const now = this.draft.hazards || []; this.change({ hazards: now.includes(hazard) ? now.filter(h => h !== hazard) : [...now, hazard] }); }, { class: 'sg-choice', 'data-name': hazard }));
    this.flags = FLAGS.map(flag => button(t('flag_' + flag), () => this.change({ [flag]: !this.draft[flag] }), { class: 'sg-choice', 'data-name': flag }));
    this.caller = { phone: this.line('phone', 'tel', 40), name: this.line('name', 'text', 120), relation: this.line('relation', 'text', 60) };
    this.preview = new Preview(this.ui, {
      onAttach: twin => this.change({ attach_to: twin && twin.incident_id, attachNumber: twin && twin.number }),
      onForget: () => this.forgetPoint(),
      onMend: mended => this.useMended(mended),
      onKeep: () => this.keepPoint(),
      onSide: option => this.takeSide(option),
    });
    this.chips = el('div', { class: 'sg-chips' });
    this.trouble = el('div', { class: 'sg-trouble', role: 'alert', hidden: true });
    this.wait = el('div', { class: 'sg-outbox', role: 'status', hidden: true });
    this.saveButton = el('button', { type: 'button', class: 'sg-primary', onclick: () => this.save() }, el('span', { text: t('save') }), keyCap('Ctrl+Enter'));
    this.more = el('div', { class: 'sg-more' },
      el('div', { class: 'sg-line' }, el('div', { class: 'sg-seg', role: 'group', 'aria-label': t('severity') }, this.severities), el('label', { class: 'sg-count' }, el('span', { text: t('n_victims') }), this.victims), el('label', { class: 'sg-count' }, el('span', { text: t('n_dead') }), this.dead)),
      el('div', { class: 'sg-hazards', role: 'group', 'aria-label': t('hazards') }, this.hazards, this.flags),
      el('div', { class: 'sg-line sg-caller' }, Object.values(this.caller)));
    this.drill = button(t('do_drill'), () => this.change({ isDrill: !this.draft.isDrill, attach_to: null, attachNumber: null }), { class: 'sg-choice', title: t('do_drill_hint') });
    this.foot = el('div', { class: 'sg-foot' }, this.chips, this.drill, button(t('clear'), () => this.clear(), { class: 'sg-quiet' }), this.saveButton);
    this.root = el('section', { class: 'sg-form', 'aria-label': t('new_report') },
      el('div', { class: 'sg-command-line' }, el('span', { class: 'sg-prompt', text: '›', 'aria-hidden': 'true' }), this.command, keyCap('F2')),
      this.wait, this.trouble,
      el('div', { class: 'sg-line' }, this.place.root, this.accuracy),
      this.picker.root, this.text, this.length, this.questions, this.more, this.preview.root, this.foot);
    this.outbox.addEventListener('emptied', event => { if (event.detail === JSON.stringify(this.draft)) this.clear(); });
    this.outbox.addEventListener('change', event => this.drawOutbox(event.detail));
    this.outbox.addEventListener('refused', event => { if (this.isEmpty) this.edit(event.detail.entry.key); });
  }

  // After the type come the words; without a place yet, the place.
  picked(code) {
    this.change({ type: code, isGuess: false, noGuess: code === null });
    if (code) (this.draft.lon !== undefined || this.draft.placeText ? this.text : this.place.input).focus();
  }

  line(key, type, size) {
    const { t } = this.ui.words;
    return el('input', { class: 'sg-input', type, maxlength: size, placeholder: t('caller_' + key), 'aria-label': t('caller_' + key), autocomplete: 'off', oninput: event => this.change({ [key]: event.target.value }) });
  }

  number(key) {
    return el('input', { class: 'sg-input', type: 'number', min: 0, max: 9999, inputmode: 'numeric', placeholder: '0', oninput: event => this.change({ [key]: Math.max(0, Math.min(9999, Math.trunc(Number(event.target.value) || 0))) || null }) });
  }

  // Inputs get the draft's values; only at load and clear, never while somebody types.
  fill() {
    const d = this.draft;
    this.place.input.value = d.placeText || '';
    this.place.pointText = d.lon !== undefined && d.method !== 'map' && d.placeText ? d.placeText.trim() : null;
    this.text.value = d.text || '';
    this.victims.value = d.n_victims || '';
    this.dead.value = d.n_dead || '';
    for (const [key, input] of Object.entries(this.caller)) input.value = d[key] || '';
  }

  onText() {
    const patch = { text: this.text.value };
    if (!this.draft.noGuess && (!this.draft.type || this.draft.isGuess)) {
      const guess = this.picker.guess(this.text.value);
      Object.assign(patch, { type: guess ? guess.code : null, isGuess: Boolean(guess) });
    }
    this.change(patch);
  }

  render() {
    const d = this.draft, { words } = this.ui, { t } = words, type = this.picker.of(d.type), isOpen = !this.isEmpty;
    this.root.classList.toggle('is-open', isOpen);
    this.root.classList.toggle('is-drill', Boolean(d.isDrill));
    this.drill.setAttribute('aria-pressed', String(Boolean(d.isDrill)));
    const n = (d.text || '').trim().length;
    this.length.hidden = n < NEARLY_TEXT;
    this.length.classList.toggle('is-alarm', n > MOST_TEXT);
    this.length.textContent = t(n > MOST_TEXT ? 'text_too_long' : 'text_length', { n: words.number(n), limit: words.number(MOST_TEXT) });
    this.picker.render(d);
    const values = ACCURACIES.includes(d.accuracy_m) || !d.accuracy_m ? ACCURACIES : [...ACCURACIES, d.accuracy_m].sort((a, b) => a - b);
    this.accuracy.replaceChildren(...values.map(v => el('option', { value: String(v), text: '± ' + words.metres(v) })));
    this.accuracy.value = String(d.accuracy_m || 25);
    this.accuracy.disabled = d.lon === undefined;
    const severity = d.severity || (type && type.severity);
    for (const b of this.severities) { b.setAttribute('aria-pressed', Number(b.dataset.s) === severity); b.classList.toggle('is-default', !d.severity && Number(b.dataset.s) === severity); }
    for (const b of this.hazards) b.setAttribute('aria-pressed', (d.hazards || []).includes(b.dataset.name));
    for (const b of this.flags) b.setAttribute('aria-pressed', Boolean(d[b.dataset.name]));
    const questions = (type && type.questions) || [];
    this.questions.textContent = questions.map(q => (typeof q === 'string' ? q : q.text || '')).filter(Boolean).join('  ·  ');
    this.questions.title = this.questions.textContent;
    this.questions.hidden = !questions.length;
    this.chips.replaceChildren(...[
      d.isDrill ? el('b', { class: 'sg-drill', text: t('drill') }) : null,
      d.attach_to ? this.chip([t('attached_to', { number: d.attachNumber }), this.far(d)].filter(Boolean).join(' · '), () => this.change({ attach_to: null, attachNumber: null })) : null,
      d.classification ? this.chip(this.ui.label('classification', d.classification), () => this.change({ classification: null })) : null,
    ].filter(Boolean));
    this.trouble.hidden = !this.problems;
    if (this.problems) redraw(this.trouble, [el('b', { text: t('refused') }), ...this.problems.filter(text => !this.mended || text !== this.mended.reason).map(text => el('div', { text })),
      this.mended ? mendQuestion(this.ui, this.mended, { onUse: mended => this.useMended(mended), onKeep: () => this.keepPoint() }) : null].filter(Boolean));
    this.saveButton.setAttribute('aria-disabled', String(!this.canSave));
    this.preview.update(d, this.picker.of(d.type), this.far(d));
  }

  // How far the report is from the incident it is to join; nothing while either place is unknown.
  far(draft) {
    const row = draft.attach_to && this.actions.find(draft.attachNumber);
    return row && draft.lon !== undefined ? this.ui.words.metres(metresBetween(draft, row)) : '';
  }

  chip(text, remove) { return el('span', { class: 'sg-chip' }, el('span', { text }), button('×', remove, { 'aria-label': this.ui.words.t('remove') + ' ' + text })); }

  drawOutbox(entries) {
    const { t } = this.ui.words, waiting = entries.filter(each => !each.refused), refused = entries.filter(each => each.refused);
    // A report on its way for less than a moment is no news.
    const late = waiting.filter(each => Date.now() - each.takenAt > 900), { parked } = this.outbox;
    if (waiting.length && !late.length) setTimeout(() => this.drawOutbox(this.outbox.entries), 1000);
    this.wait.hidden = !late.length && !refused.length && !parked.length;
    redraw(this.wait, [
      late.length ? el('p', { class: 'sg-wait', text: t('outbox_waiting', { n: late.length }) }) : null,
      ...refused.map(each => el('p', { class: 'sg-wait is-refused' }, el('span', { text: t('outbox_refused') + ' ' + (each.refused[0] || '') }),
        button(t('edit'), () => this.edit(each.key), { class: 'sg-small' }), button(t('discard'), () => this.outbox.take(each.key), { class: 'sg-small' }))),
      ...parked.map((draft, i) => el('p', { class: 'sg-parked' }, el('span', { class: 'sg-clip', text: t('parked') + ' ' + this.inWords(draft), title: this.inWords(draft) }),
        button(t('take_up'), () => this.takeUp(i), { class: 'sg-small', 'data-key': 'take ' + draft.parkedAt }), button(t('discard'), () => { this.outbox.parked = parked.filter(each => each !== draft); }, { class: 'sg-small', 'data-key': 'drop ' + draft.parkedAt }))),
    ].filter(Boolean));
  }

  edit(key) {
    if (!this.isEmpty) { this.actions.say(this.ui.words.t('finish_draft_first'), 'warn'); return; }
    const entry = this.outbox.take(key);
    if (entry) this.load(entry.draft, entry.refused, entry.mended);
  }

  // ---- keys

  onCommandKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const history = (this.history ||= []);
    if (event.key === 'Enter') { event.preventDefault(); this.run(this.command.value); }
    else if (event.key === 'Escape') { event.stopPropagation(); this.command.value = ''; }
    else if (event.key === 'ArrowUp' && history.length) { event.preventDefault(); this.step = Math.min(history.length, (this.step || 0) + 1); this.command.value = history[history.length - this.step]; }
    else if (event.key === 'ArrowDown') { event.preventDefault(); this.step = Math.max(0, (this.step || 0) - 1); this.command.value = this.step ? history[history.length - this.step] : ''; }
  }

  async run(line) {
    const command = readCommand(line, this.ui.me.types, this.ui.me.city), { t } = this.ui.words;
    if (command.kind === 'empty') return;
    if (command.kind === 'error') { this.actions.say(t(command.key), 'warn'); return; }
    this.history.push(line.trim());
    this.step = 0;
    this.command.value = '';
    if (command.kind === 'new') { this.place.input.focus(); return; }
    // With no call being written, it is said of the incident that is open.
    if (command.kind === 'classify' && this.isEmpty && this.actions.classify(command.classification)) return;
    if (command.kind === 'classify') {
      const type = ADMIN_TYPE[command.classification];
      this.change({ classification: command.classification, ...(this.draft.type && !this.draft.isGuess ? {} : { type: this.picker.of(type) ? type : null, isGuess: false }) });
      this.saveButton.focus();
      return;
    }
    if (command.kind === 'report') { if (!(await this.take(command.report, line))) this.giveBack(line); return; }
    if (command.kind === 'attach') {
      const row = this.actions.find(command.number);
      if (row && row.isDrill !== Boolean(this.draft.isDrill)) { this.actions.say(t('attach_drill', { number: row.number }), 'warn'); this.giveBack(line); }
      else if (row) this.change({ attach_to: row.id, attachNumber: row.number }); else this.actions.say(t('cmd_no_incident', { number: command.number }), 'warn');
      return;
    }
    if (!(await this.actions.command(command))) this.giveBack(line);
  }

  // A command that lacks something stands there again, to be completed instead of typed anew.
  giveBack(line) {
    if (this.command.value) return;
    this.command.value = line.trim() + ' ';
    this.command.focus();
  }

  async take(report, line) {
    const { t } = this.ui.words, { meantType } = report;
    if (meantType && !this.picker.guess(meantType)) {
      const near = nearTypes(meantType, this.ui.me.types);
      this.actions.say(t('cmd_bad_type', { word: meantType }) + (near.length ? ' ' + t('cmd_near_types', { types: near.join(', ') }) : ''), 'warn');
      return false;
    }
    if (this.isSaid) {
      // Only the operator knows whether it is still the same call.
      const answer = await this.actions.ask(t('draft_question', { draft: this.inWords(this.draft), command: line.trim() }), [['other', t('draft_other')], ['same', t('draft_same')]]);
      if (!answer) return false;
      if (answer === 'other') this.park();
    }
    const guess = report.type ? null : this.picker.guess(report.description || '');
    const given = { severity: report.severity, n_victims: report.facts.n_victims, text: [this.draft.text, report.description].filter(Boolean).join('\n'), isDrill: report.isDrill };
    if (report.type || (guess && (!this.draft.type || this.draft.isGuess))) Object.assign(given, { type: report.type || guess.code, isGuess: !report.type });
    this.change(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
    this.fill();
    if (report.place && !(await this.place.resolve(report.place))) {
      // The point of the call before must not stand for a place nobody found.
      this.forgetPoint();
      this.actions.say(t('place_not_found', { place: report.place }), 'warn');
    }
    (this.canSave && this.draft.lon !== undefined ? this.saveButton : this.draft.type ? this.place.input : this.picker.root.querySelector('button')).focus();
    return true;
  }

  focus() { this.command.focus(); this.command.select(); }
}

const round = value => Math.round(value * 1e6) / 1e6;
