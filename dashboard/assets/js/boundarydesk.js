// The page of boundaries: which service, which view, one map. Every view is a file of its own; all text is text.

const search = new URL(import.meta.url).search;
const { el, button, redraw, Wording } = await import('./dom.js' + search);
const { Api } = await import('./api.js' + search);
const { Notices } = await import('./notices.js' + search);
const { BoundaryMap } = await import('./boundarymap.js' + search);
const { TimeView } = await import('./boundarytime.js' + search);
const { DraftsView } = await import('./boundarydrafts.js' + search);
const { ImpactView } = await import('./boundaryimpact.js' + search);
const { ObjectionsView } = await import('./boundaryobjections.js' + search);
const { PointsView } = await import('./boundarypoints.js' + search);
const { HealthView } = await import('./boundaryhealth.js' + search);
const { said, select } = await import('./boundaryparts.js' + search);

const VIEWS = { time: TimeView, drafts: DraftsView, impact: ImpactView, objections: ObjectionsView, points: PointsView, health: HealthView };
// Measuring a year of incidents takes longer than looking at a list.
const PATIENCE_MS = 60000;

class BoundaryPage {
  constructor(host, data, me, api) {
    this.host = host;
    this.data = data;
    const words = new Wording(data.text, data.language, me.city.time_zone);
    this.root = el('div', { class: 'sg-desk sg-boundary' });
    const label = (kind, code) => (me.labels[kind] && me.labels[kind][code]) || code;
    this.ui = { root: this.root, me, api, words, label };
    const asked = new URLSearchParams(location.search);
    this.service = data.services.includes(asked.get('service')) ? asked.get('service') : data.services[0];
    this.notices = new Notices();
    this.views = Object.fromEntries(Object.entries(VIEWS).map(([name, View]) => [name, new View(this.ui, this)]));
    this.tab = asked.get('view') in VIEWS ? asked.get('view') : 'time';
    if (asked.get('jurisdiction')) this.views.time.chosen = asked.get('jurisdiction');
    if (asked.get('draft')) { this.views.drafts.id = asked.get('draft'); this.views.impact.id = asked.get('draft'); }
    this.shell();
  }

  shell() {
    const { t } = this.ui.words, { me } = this.ui;
    this.head = el('header', { class: 'sg-b-head' });
    this.body = el('div', { class: 'sg-b-body', tabindex: '-1' });
    this.slot = el('div', { class: 'sg-map' });
    const city = me.city, remarks = [city.is_demo ? t('demo_data') : '', city.boundaries_approximate ? t('boundaries_approximate') : ''].filter(Boolean);
    const tools = el('div', { class: 'sg-tools' }, button(t('whole_city'), () => this.whole(), { class: 'sg-map-button' }));
    this.stage = el('main', { class: 'sg-stage' }, tools, this.notices.root, this.views.time.bar, this.slot, el('div', { class: 'sg-remarks', text: remarks.join(' · ') }));
    this.root.append(el('div', { class: 'sg-left' }, this.head, this.body), this.stage);
    this.host.replaceChildren(this.root);
    this.drawHead();
  }

  drawHead() {
    const { t } = this.ui.words, { me } = this.ui;
    const services = this.data.services.map(code => [code, me.services[code] || code]).sort((a, b) => a[1].localeCompare(b[1]));
    redraw(this.head, [
      el('div', { class: 'sg-line' }, el('h2', { class: 'sg-grow', text: t('page_boundaries') }), select('service', services, this.service, code => this.changeService(code), { 'aria-label': t('b_service') })),
      el('div', { class: 'sg-b-tabs', role: 'tablist', onkeydown: event => this.onTabKey(event) }, Object.keys(VIEWS).map(name => button(t('b_tab_' + name), () => this.open(name), { role: 'tab', class: 'sg-b-tab', 'aria-selected': String(name === this.tab), tabindex: name === this.tab ? '0' : '-1', 'data-key': 'tab ' + name })))]);
  }

  onTabKey(event) {
    const names = Object.keys(VIEWS), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.open(names[(names.indexOf(this.tab) + step + names.length) % names.length]).then(() => this.head.querySelector('[aria-selected=true]')?.focus());
  }

  get view() { return this.views[this.tab]; }

  async open(name) {
    if (this.isOpen) this.view.leave();
    this.isOpen = true;
    this.isFitted = this.tab === name && this.isFitted;
    this.tab = name;
    this.drawHead();
    redraw(this.body, [this.view.root]);
    this.body.scrollTop = 0;
    if (this.map) await this.view.open();
  }

  async changeService(code) {
    this.service = code;
    for (const view of Object.values(this.views)) if (view.reset) view.reset();
    this.views.time.chosen = null;
    this.isFitted = false;
    await this.open(this.tab);
  }

  attach(map) {
    map.zoomControl.setPosition('topleft');
    map.getContainer().setAttribute('role', 'region');
    map.getContainer().setAttribute('aria-label', this.ui.words.t('map'));
    map.doubleClickZoom.disable();
    this.map = new BoundaryMap(map, this.ui);
    window.__siagaBoundaries = this;
    this.open(this.tab);
  }

  close() { for (const view of Object.values(this.views)) if (view.close) view.close(); if (window.__siagaBoundaries === this) delete window.__siagaBoundaries; }

  // Another language of the same page: what was open stays open.
  keep() { return { tab: this.tab, service: this.service, views: Object.fromEntries(Object.entries(this.views).filter(([, view]) => view.keep).map(([name, view]) => [name, view.keep()])) }; }

  restore(kept) {
    if (!kept.views) return;
    this.service = kept.service;
    for (const [name, state] of Object.entries(kept.views)) Object.assign(this.views[name], state);
    this.open(kept.tab);
  }

  whole() { this.map.fit(this.map.boundsOfSet()); }

  // ---- asking

  say(text, kind = 'ok') { this.notices.say(text, kind); }

  fail(error) {
    this.say(error.isRefusal ? said(error) : this.ui.words.t('b_away'), 'warn');
    return null;
  }

  async get(path) {
    try { return await this.ui.api.get(path, { timeout: PATIENCE_MS }); } catch (error) { return this.fail(error); }
  }

  post(path, body) { return this.ui.api.send('POST', path, body, { timeout: PATIENCE_MS }); }

  // The set in force at a moment (null: now). Simplified for looking, exact (0) for working.
  async readSet(at, simplify) {
    const query = new URLSearchParams({ service: this.service });
    if (at) query.set('at', new Date(at).toISOString());
    if (simplify) query.set('simplify_m', simplify);
    const answer = await this.get('/api/boundaries?' + query);
    if (answer && !this.isFitted) { this.isFitted = true; this.map.collection = answer; this.whole(); }
    return answer;
  }

  // What a draft is drawn on: the boundaries after everything that is scheduled already.
  async readNewest(simplify) {
    const set = await this.readSet(null, simplify), last = set && set.moments.length ? set.moments[0].at : null;
    this.scheduledAt = last && Date.parse(last) > Date.now() ? last : null;
    return this.scheduledAt ? this.readSet(this.scheduledAt, simplify) : set;
  }

  // Kelurahan and kecamatan, to hand over and to compose from.
  async areas(level) {
    this.areasOf ||= {};
    this.areasOf[level] ||= await this.get('/api/areas?level=' + level);
    return this.areasOf[level] ? this.areasOf[level].features : [];
  }
}

export async function openDesk(host, data) {
  const api = new Api(data.language);
  for (;;) {
    try { return new BoundaryPage(host, data, await api.get('/api/me'), api); } catch (error) {
      if (!host.isConnected || error.status === 401) throw error;
      host.replaceChildren(el('p', { class: 'sg-empty', text: new Wording(data.text, data.language).t('waiting_for_server') }));
      await new Promise(done => setTimeout(done, 1000));
    }
  }
}
