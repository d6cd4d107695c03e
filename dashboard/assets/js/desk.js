// The live desk: shell, wiring and keys. Modes: operator (form, queue, all incidents), agency (own assignments),
// intake (form only).

const search = new URL(import.meta.url).search;
const { el, button, Wording } = await import('./dom.js' + search);
const { Api } = await import('./api.js' + search);
const { Live } = await import('./live.js' + search);
const { Marks } = await import('./marks.js' + search);
const { Queue } = await import('./queue.js' + search);
const { Inbox } = await import('./inbox.js' + search);
const { Sent } = await import('./sent.js' + search);
const { Form } = await import('./form.js' + search);
const { Detail } = await import('./detail.js' + search);
const { Why } = await import('./why.js' + search);
const { DriveLine } = await import('./route.js' + search);
const { Pin } = await import('./pin.js' + search);
const { Closures } = await import('./closures.js' + search);
const { Outbox } = await import('./outbox.js' + search);
const { Notices } = await import('./notices.js' + search);
const { Alerts, keepFocus } = await import('./alerts.js' + search);
const { Commands } = await import('./commands.js' + search);
const { legend, help, stations } = await import('./legend.js' + search);

const LEGEND = ['police', 'fire', 'medical', 'rescue', 'civil_protection', 'electricity', 'traffic', 'public_order', 'social', 'environment'];
// How long the worker has for new travel times before the route is asked for again.
const DRIVE_ANEW_MS = 2500;

async function whoAmI(api, host, wording) {
  for (let wait = 500; ; wait = Math.min(3000, wait * 1.5)) {
    try { return await api.get('/api/me'); } catch (error) {
      if (!host.isConnected) throw error;
      host.replaceChildren(el('p', { class: 'sg-empty', text: wording.t('waiting_for_server') }));
      await new Promise(done => setTimeout(done, wait));
    }
  }
}

function makeUi(root, me, api, words) {
  const names = new Map(me.types.map(type => [type.code, type.name]));
  const label = (kind, code) => (me.labels[kind] && me.labels[kind][code]) || code;
  return {
    root, me, api, words, label,
    typeName: code => names.get(code) || code,
    status: code => label('status', code),
    state: code => label('state', code),
    agency: code => (code && me.agencies[code]) || code || words.t('no_agency'),
    letter: service => (service && words.has('letter_' + service) ? words.t('letter_' + service) : '?'),
  };
}

class Desk {
  constructor(host, data, me, api) {
    this.host = host;
    this.mode = data.mode;
    this.root = el('div', { class: 'sg-desk', 'data-mode': data.mode });
    this.ui = makeUi(this.root, me, api, new Wording(data.text, data.language, me.city.time_zone));
    this.isAgency = data.mode === 'agency';
    this.isIntake = data.mode === 'intake';
    this.live = new Live(api, { isOwn: this.isAgency, isBlind: this.isIntake, limits: me.ack_s });
    this.ownReports = new Set();
    this.notices = new Notices();
    this.alerts = new Alerts(this.ui);
    this.selected = null;
    this.cleanups = [];
    this.shell();
  }

  // ---- shell

  shell() {
    const { ui, isAgency } = this, { t } = ui.words, actions = this.actions();
    this.detail = new Detail(ui, this.live, actions);
    this.commands = new Commands(ui, this.live, this.detail, actions);
    if (isAgency) this.list = new Inbox(this.live, ui, actions);
    else {
      this.outbox = new Outbox(ui.api, [ui.me.name, ui.me.role].join('.'));
      this.list = this.isIntake ? new Sent(ui) : new Queue(this.live, ui, actions);
      this.form = new Form(ui, this.outbox, actions);
      this.outbox.addEventListener('saved', event => this.saved(event.detail.answer, event.detail.entry.body));
    }
    this.slot = el('div', { class: 'sg-map' });
    this.stale = el('div', { class: 'sg-stale', role: 'alert', hidden: true });
    this.legend = legend(ui, LEGEND.filter(service => service in ui.me.services));
    const toggle = (key, action) => { const b = button(t(key), () => { b.setAttribute('aria-pressed', String(action())); }, { class: 'sg-map-button', 'aria-pressed': 'false' }); return b; };
    this.legendButton = toggle('legend', () => { this.legend.hidden = !this.legend.hidden; return !this.legend.hidden; });
    this.postsButton = toggle('posts', () => this.togglePosts());
    this.closures = this.isIntake ? null : new Closures(ui, {
      mayClose: ['operator', 'supervisor'].includes(ui.me.role), now: () => this.live.now(), say: actions.say, ask: actions.ask,
      formPoint: () => (this.form && this.form.draft.lon !== undefined ? this.form.draft : null),
      inSight: () => this.live.rows.get(this.selected) || null,
    });
    this.soundButton = button('', () => { this.alerts.isSilent = !this.alerts.isSilent; this.drawSound(); if (!this.alerts.isSilent) this.alerts.sound([880, 660]); }, { class: 'sg-map-button' });
    this.drawSound();
    const tools = el('div', { class: 'sg-tools' }, this.legendButton, this.postsButton, this.closures && this.closures.button, this.soundButton, button(t('whole_city'), () => this.wholeCity(), { class: 'sg-map-button' }), button(t('help'), () => this.toggleHelp(), { class: 'sg-map-button' }));
    const city = ui.me.city, remarks = [city.is_demo ? t('demo_data') : '', city.roads_synthetic ? t('roads_synthetic') : '', city.boundaries_approximate ? t('boundaries_approximate') : ''].filter(Boolean);
    this.origin = el('div', { class: 'sg-remarks', text: remarks.join(' · ') });
    // In the order of the keyboard: the incident that is open, before the hundreds on the map.
    this.stage = el('main', { class: 'sg-stage' }, this.detail.root, this.stale, tools, this.legend, this.closures && this.closures.root, this.notices.root, this.slot, this.origin);
    this.root.append(el('div', { class: 'sg-left' }, isAgency ? null : this.form.root, this.list.root), this.stage);
    this.host.replaceChildren(this.root);
  }

  drawSound() { this.soundButton.textContent = this.ui.words.t(this.alerts.isSilent ? 'sound_off' : 'sound_on'); }

  actions() {
    return {
      agency: this.isAgency ? this.ui.me.agency : null,
      canMove: !this.isAgency,
      now: () => this.live.now(),
      find: number => this.live.find(number),
      say: (text, kind) => this.notices.say(text, kind),
      select: id => this.select(id),
      open: id => this.open(id),
      close: () => this.select(null),
      show: incident => this.map.flyTo([incident.lat, incident.lon], Math.max(this.map.getZoom(), 16), { duration: 0.4, animate: !isCalm() }),
      read: incident => { this.showDisc(incident); this.showDrive(incident); },
      move: (row, point, reset) => this.relocate(row, point, reset),
      why: (assignment, incident) => this.showWhy(assignment, incident),
      answer: (row, assignment, state) => this.answer(row, assignment, state),
      send: action => this.send(action),
      classify: classification => this.classify(classification),
      command: command => this.commands.run(command),
      ask: (text, choices) => this.notices.ask(text, choices, this.ui.words.t('back')),
      pointChanged: (draft, shouldShow) => this.pointChanged(draft, shouldShow),
    };
  }

  // ---- map

  attach(map) {
    this.map = map;
    const { ui } = this, city = ui.me.city;
    map.zoomControl.setPosition('topleft');
    map.getContainer().setAttribute('role', 'region');
    map.getContainer().setAttribute('aria-label', ui.words.t('map'));
    // Leaflet has no option for it after the map is made.
    if (isCalm()) { map._zoomAnimated = false; map.options.inertia = false; }
    map.doubleClickZoom.disable();
    const kept = readView(this.mode);
    if (kept) map.setView([kept.lat, kept.lon], kept.zoom, { animate: false });
    else if (city.center) map.setView([city.center[1], city.center[0]], map.getZoom(), { animate: false });
    map.on('moveend', () => { const c = map.getCenter(); sessionStorage.setItem('siaga.view.' + this.mode, JSON.stringify({ lat: c.lat, lon: c.lng, zoom: map.getZoom() })); });
    this.marks = new Marks(map, this.live, ui, this.actions());
    this.why = new Why(map, ui);
    this.discLayer = L.layerGroup().addTo(map);
    this.drive = new DriveLine(map, ui);
    if (this.closures) this.closures.attach(map);
    if (this.form) {
      this.pin = new Pin(map, ui, (lat, lon) => this.form.setPoint({ lat, lon, method: 'map', accuracy_m: 25 }));
      map.on('click', event => this.closures.takes(event.latlng) || this.form.setPoint({ lat: event.latlng.lat, lon: event.latlng.wrap().lng, method: 'map', accuracy_m: 25 }));
      this.pin.update(this.form.draft);
    }
    this.begin();
  }

  begin() {
    const { live } = this;
    live.addEventListener('rows', event => this.onRows(event.detail));
    live.addEventListener('link', event => this.onLink(event.detail));
    if (this.closures) live.addEventListener('closures', () => { this.closures.read(); this.drivesAnew(); });
    live.start();
    if (this.outbox) this.outbox.start();
    const listen = (target, kind, action, options) => { target.addEventListener(kind, action, options); this.cleanups.push(() => target.removeEventListener(kind, action, options)); };
    listen(document, 'keydown', event => this.onKey(event), true);
    // On the way back up, so that a field, list or question that has its own use for Escape goes first.
    listen(document, 'keydown', event => { if (event.key === 'Escape' && !event.defaultPrevented) this.escape(event); });
    listen(this.root, 'focusin', event => { this.lastFocus = event.target; });
    this.cleanups.push(keepFocus(this.host));
    const everySecond = setInterval(() => { this.list.draw(); if (this.list.age) this.list.age(); this.marks.age(); this.detail.age(); }, 1000);
    this.cleanups.push(() => clearInterval(everySecond));
    if (this.isAgency && !this.hasPosts) this.postsButton.click();
    window.__siaga = { desk: this, get n() { return live.rows.size; }, get since() { return live.since; } };
  }

  close() {
    this.live.stop();
    clearTimeout(this.driveTimer);
    this.alerts.close();
    if (this.outbox) this.outbox.stop();
    if (this.marks) this.marks.close();
    if (this.closures) this.closures.close();
    this.list.close();
    document.documentElement.removeAttribute('data-siaga-away');
    this.cleanups.forEach(undo => undo());
    document.dispatchEvent(new CustomEvent('siaga:link', { detail: null }));
  }

  // What another language of the same desk takes over: what is open, and what is half drawn or written.
  keep() {
    return { mode: this.mode, selected: this.selected, note: this.detail.note.value, hasLegend: !this.legend.hidden, hasPosts: Boolean(this.hasPosts), closures: this.closures && this.closures.keep() };
  }

  async restore(kept) {
    if (kept.mode !== this.mode) return;
    if (kept.hasLegend) this.legendButton.click();
    if (kept.hasPosts && !this.hasPosts) this.postsButton.click();
    if (this.closures && kept.closures) this.closures.restore(kept.closures);
    await this.live.ready();
    if (!kept.selected || this.selected || !this.live.rows.has(kept.selected)) return;
    this.select(kept.selected);
    this.detail.note.value = kept.note;
  }

  wholeCity() { const [w, s, e, n] = this.ui.me.city.bbox; this.map.fitBounds([[s, w], [n, e]]); }

  togglePosts() {
    this.hasPosts = !this.hasPosts;
    if (!this.posts) this.posts = stations(this.map, this.ui, this.isAgency ? this.ui.me.agency : null).catch(() => { this.posts = null; return null; });
    this.posts.then(layer => { if (layer) { if (this.hasPosts) layer.addTo(this.map); else layer.remove(); } });
    return this.hasPosts;
  }

  // ---- what the server says

  onRows({ changed, removed, fresh, reminded, isFirst }) {
    this.list.sync();
    this.marks.sync(changed, removed);
    const touched = new Set([...changed, ...removed].map(row => row.id));
    if (this.selected && touched.has(this.selected) && !isFirst) this.detail.changed(this.selected);
    const news = fresh.filter(row => !this.ownReports.has(row.id));
    if (news.length) {
      this.alerts.raise(news);
      for (const row of news.slice(0, 2)) this.notices.say(this.ui.words.t(row.isDrill ? 'fresh_drill' : row.isNobodys && !row.isUnassigned ? 'fresh_nobodys' : 'fresh', { number: row.number, type: this.ui.typeName(row.type) }), row.isDrill ? 'drill' : row.isNobodys ? 'alarm' : 'fresh');
      if (news.length > 2) this.notices.say(this.ui.words.t('fresh_more', { n: news.length - 2 }), 'fresh');
    }
    if (!this.isAgency) for (const row of reminded.slice(0, 2)) this.notices.say(row.number + ' · ' + this.list.state(row), 'fresh');
  }

  onLink({ isLinked, seconds }) {
    this.stale.hidden = isLinked;
    document.documentElement.toggleAttribute('data-siaga-away', !isLinked); // the style sheet hides Streamlit's dialog at once
    if (!isLinked) {
      this.stale.textContent = this.ui.words.t('stale', { n: seconds });
    } else if (this.outbox) this.outbox.flush();
    this.root.classList.toggle('is-stale', !isLinked);
    document.dispatchEvent(new CustomEvent('siaga:link', { detail: { isLinked, seconds } }));
  }

  saved(answer, body) {
    const { t } = this.ui.words;
    const called = (answer.assignments || []).filter(a => a.role !== 'inform').map(a => a.agency).filter(Boolean);
    this.notices.say(body.attach_to && answer.incident_id ? t('saved_attached', { number: answer.number }) : answer.incident_id ? t('saved', { number: answer.number, agencies: [...new Set(called)].join(', ') || t('no_agency') }) : t('saved_report'), answer.handoff ? 'warn' : 'ok', 9000);
    if (answer.incident_id) this.ownReports.add(answer.incident_id);
    if (this.isIntake) { this.list.add(answer); return; }
    this.live.refresh();
    if (answer.incident_id && this.form.isEmpty) this.select(answer.incident_id);
  }

  // ---- selection

  select(id) {
    if (id === this.selected && id) { this.reveal(id); return; }
    this.selected = id;
    this.list.select(id);
    this.marks.select(id);
    this.why.clear();
    this.drive.clear();
    this.discLayer.clearLayers();
    this.root.classList.toggle('has-detail', Boolean(id));
    this.detail.open(id);
    if (id) this.reveal(id);
  }

  open(id) {
    this.select(id);
    const row = this.live.rows.get(id);
    if (row) this.map.setView([row.lat, row.lon], Math.max(this.map.getZoom(), 16));
    this.detail.root.querySelector('button:not(.sg-close)')?.focus();
  }

  // Moves the map only if the point is out of sight or under the detail.
  reveal(id) {
    const row = this.live.rows.get(id);
    if (!row) return;
    const width = this.detail.root.hidden ? 0 : this.detail.root.offsetWidth;
    this.map.panInside([row.lat, row.lon], { paddingTopLeft: [60, 60], paddingBottomRight: [width + 60, 60] });
  }

  showDisc(incident) {
    this.discLayer.clearLayers();
    if (incident.accuracy_m > 0) L.circle([incident.lat, incident.lon], { radius: incident.accuracy_m, className: 'sg-disc', interactive: false, renderer: this.discRenderer ||= L.svg({ padding: 0.3 }) }).addTo(this.discLayer);
  }

  // After a street was closed or opened the worker needs a moment for the new travel times.
  drivesAnew() {
    clearTimeout(this.driveTimer);
    this.driveTimer = setTimeout(() => { const { incident } = this.detail; if (incident && incident.incident_id === this.selected) { this.drive.key = null; this.showDrive(incident); } }, DRIVE_ANEW_MS);
  }

  async showDrive(incident) {
    if (incident.is_ended) { this.drive.clear(); this.detail.drives(incident, null); return; }
    const answer = await this.drive.show(incident);
    if (this.selected === incident.incident_id) this.detail.drives(incident, answer);
  }

  async showWhy(assignment, incident) {
    if (!assignment) { this.why.clear(); return null; }
    const answer = await this.why.show(assignment, incident);
    if (answer) this.map.fitBounds(this.why.bounds.pad(0.02), { paddingTopLeft: [50, 50], paddingBottomRight: [this.detail.root.offsetWidth + 40, 50], maxZoom: this.why.maxZoom });
    return answer;
  }

  pointChanged(draft, shouldShow) {
    if (!this.pin) return;
    this.pin.update(draft);
    if (shouldShow && draft.lon !== undefined) this.map.setView([draft.lat, draft.lon], Math.max(this.map.getZoom(), 15));
  }

  // ---- doing

  async send(action) {
    try {
      await action();
      this.live.refresh();
      return true;
    } catch (error) {
      const { t } = this.ui.words;
      const before = this.detail.incident;
      this.live.refresh();
      if (this.selected) await this.detail.read();
      const { incident } = this.detail;
      // Of the 409s only those of a change in between are mended by looking again and repeating.
      const isStale = error.status === 409 && (!before || !incident || isOther(before, incident));
      this.notices.say(isStale ? t('changed_meanwhile') : error.isRefusal ? error.lines().join(' ') : t('not_sent'), 'warn');
      return false;
    }
  }

  answer(row, assignment, state) {
    this.select(row.id);
    return this.send(() => this.ui.api.post('/api/assignments/' + encodeURIComponent(assignment.id) + '/state', { state, version: assignment.version, note: '' }));
  }

  // `x prank` in the command line; false when no incident is open.
  classify(classification) {
    const row = this.selected && this.live.rows.get(this.selected);
    if (!row) return false;
    const { measures } = this.detail;
    measures.isMeant(row, classification).then(isMeant => { if (isMeant) this.detail.event('classify', this.detail.newest(row), '', { classification }); });
    return true;
  }

  async relocate(row, point, reset) {
    const { t } = this.ui.words;
    const isYes = await this.notices.ask(t('move_question', { number: row.number }), [[true, t('move_yes')]], t('back'));
    if (isYes) {
      await this.send(() => this.ui.api.post('/api/incidents/' + encodeURIComponent(row.id) + '/events', { kind: 'relocate', version: row.version, lon: point.wrap().lng, lat: point.lat, accuracy_m: 25 }));
    }
    reset();
  }

  onKey(event) {
    const digit = event.altKey && !event.ctrlKey && !event.metaKey && /^Digit\d$/.test(event.code) ? Number(event.code.slice(5)) : null;
    const keys = { F1: () => this.toggleHelp(), F2: () => this.form && this.form.focus(), F3: () => this.list.search && this.list.search.focus(), F4: () => this.list.focus(), F8: () => this.list.nextWaiting() };
    if (event.key in keys && !event.altKey && !event.ctrlKey) { event.preventDefault(); keys[event.key](); }
    else if (digit !== null && this.form) { event.preventDefault(); this.form.picker.press(digit); }
    else if (event.key === 'Enter' && event.ctrlKey && this.form) { event.preventDefault(); this.form.save(); }
    else if (event.key.toLowerCase() === 'd' && !event.altKey && !event.ctrlKey && !event.metaKey && this.mayPress(event.target)) { event.preventDefault(); this.detail.measures.raise(); }
  }

  // Single letters count while an incident is open and nobody is writing.
  mayPress(target) {
    return Boolean(this.selected && this.detail.measures) && !target.closest('input, textarea, select') && (target === document.body || this.list.root.contains(target) || this.stage.contains(target));
  }

  escape(event) {
    if (this.helpBox) { this.toggleHelp(); return; }
    if (this.closures && this.closures.isDrawing) { this.closures.stopDrawing(); return; }
    const isInDetail = this.detail.root.contains(event.target);
    if (!this.selected || !(event.target === document.body || this.list.root.contains(event.target) || this.stage.contains(event.target))) return;
    this.select(null);
    if (isInDetail) this.list.list?.focus({ preventScroll: true });
  }

  toggleHelp() {
    if (this.helpBox) { this.helpBox.remove(); this.helpBox = null; if (this.lastFocus) this.lastFocus.focus(); return; }
    this.helpBox = help(this.ui, this.mode, () => this.toggleHelp());
    this.root.append(this.helpBox);
    this.helpBox.focus();
  }
}

const isCalm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

const isOther = (before, after) => before.incident_id !== after.incident_id || before.version !== after.version || before.assignments.length !== after.assignments.length
  || before.assignments.some(a => after.assignments.some(b => b.assignment_id === a.assignment_id && b.version !== a.version));

function readView(mode) {
  try { return JSON.parse(sessionStorage.getItem('siaga.view.' + mode)); } catch { return null; }
}

export async function openDesk(host, data) {
  const wording = new Wording(data.text, data.language), api = new Api(data.language);
  const me = await whoAmI(api, host, wording);
  return new Desk(host, data, me, api);
}
