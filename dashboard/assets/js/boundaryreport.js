// A checked file: its findings in a list and on the map, and what a repair would change. It shows; it changes nothing.

const search = new URL(import.meta.url).search;
const { el, button, redraw, Wording } = await import('./dom.js' + search);
const { BoundaryMap } = await import('./boundarymap.js' + search);
const { ground } = await import('./boundaryparts.js' + search);

const DRAWN = 600, LISTED = 400;
// Differences from another layer cover the whole city; they are drawn when they are asked for.
const QUIET = new Set(['nesting']);

class Report {
  constructor(host, data) {
    const words = new Wording(data.text, data.language);
    Object.assign(this, { ui: { words }, report: data.report, tab: data.report.repair ? 'repair' : 'findings', kind: '', at: null });
    this.list = el('div', { class: 'sg-b-body', tabindex: '-1' });
    this.slot = el('div', { class: 'sg-map' });
    this.root = el('div', { class: 'sg-desk sg-boundary sg-report' }, el('div', { class: 'sg-left' }, this.list), el('main', { class: 'sg-stage' }, this.slot));
    host.replaceChildren(this.root);
    this.draw();
  }

  attach(map) {
    map.zoomControl.setPosition('topleft');
    map.getContainer().setAttribute('role', 'region');
    map.getContainer().setAttribute('aria-label', this.ui.words.t('map'));
    this.map = new BoundaryMap(map, this.ui);
    window.__siagaReport = this;
    const file = L.geoJSON(this.report.outlines).getBounds();
    for (const feature of this.report.outlines.features) this.map.shape(feature.geometry, 'sg-b-outline' + (feature.properties.is_valid ? '' : ' is-invalid'), { to: 'Set', weight: 1.2, tip: (feature.properties.name || feature.properties.code || '') + '\n' + this.ui.words.t('f_row', { n: feature.properties.row }) });
    this.paint();
    this.map.fit(file, 15);
  }

  close() { if (window.__siagaReport === this) delete window.__siagaReport; }

  get shown() {
    const { findings } = this.report;
    return this.kind === 'error' ? findings.filter(one => one.level === 'error') : this.kind ? findings.filter(one => one.kind === this.kind) : findings;
  }

  paint() {
    if (!this.map) return;
    this.map.clear('Marks');
    if (this.tab === 'repair' && this.report.repair) {
      for (const one of this.report.repair.changes.slice(0, DRAWN)) this.map.shape(one.geometry, 'sg-b-moved is-repair', { weight: 1.5, tip: one.name + '\n' + this.changed(one) });
    } else for (const one of this.shown.filter(each => this.kind || !QUIET.has(each.kind)).slice(0, DRAWN)) if (one.geometry) this.map.shape(one.geometry, 'sg-b-fault is-' + one.level, { weight: 1.4, tip: this.what(one) + '\n' + this.figures(one) }); else if (Number.isFinite(one.lat)) this.map.dot(one.lon, one.lat, 'sg-b-point is-other', this.what(one) + '\n' + one.reason);
    if (this.at && this.at.geometry) this.map.shape(this.at.geometry, 'sg-b-seen', { weight: 3 });
    else if (this.at && Number.isFinite(this.at.lat)) this.map.dot(this.at.lon, this.at.lat, 'sg-b-seen', null, { radius: 11 });
  }

  show(one) {
    this.at = one;
    this.paint();
    this.draw();
    if (one.geometry) {
      const bounds = L.geoJSON(one.geometry).getBounds();
      if (bounds.isValid()) this.map.fit(bounds, 18);
    } else if (Number.isFinite(one.lat)) this.map.look(one.lon, one.lat, 16);
  }

  what(one) { const { words } = this.ui, key = 'f_kind_' + one.kind; return words.has(key) ? words.t(key) : one.kind; }

  figures(one) {
    const { words } = this.ui;
    return [one.area_m2 !== null ? ground(words, one.area_m2) : '', one.width_m !== null ? words.t('f_wide', { m: words.number(one.width_m, one.width_m < 10 ? 1 : 0) }) : ''].filter(Boolean).join(', ');
  }

  changed(one) {
    const { words } = this.ui, { t } = words;
    return ['+' + ground(words, one.gained_m2) + ' −' + ground(words, one.lost_m2), t('f_before_after', { before: ground(words, one.area_before_m2), after: ground(words, one.area_m2) }), one.moved_m ? t('f_moved', { m: words.number(one.moved_m, 1) }) : '', one.mended ? t('f_mended') : ''].filter(Boolean).join(' · ');
  }

  // ---- drawing

  draw() {
    const { words } = this.ui, { t } = words, { report } = this, { coverage } = report;
    const tabs = [['findings', t('f_tab_findings', { n: words.number(report.n_findings) })], ...(report.repair ? [['repair', t('f_tab_repair', { n: words.number(report.repair.changes.length) })]] : [])];
    const scroll = this.list.scrollTop;
    redraw(this.list, [el('div', { class: 'sg-b-view' },
      el('h2', { class: 'sg-clip', text: report.name, title: report.name }),
      el('p', { class: 'sg-soft', text: t('f_summary', { rows: words.number(report.outlines.features.length), area: ground(words, coverage.area_m2), crs: report.crs || 'CRS ?' }) }),
      coverage.is_valid && !report.n_findings ? el('p', { class: 'sg-b-good', text: t('f_valid') }) : coverage.overlap_m2 || coverage.gap_m2 ? el('p', { class: 'sg-b-note', text: t('f_not_valid', { overlap: ground(words, coverage.overlap_m2), gap: ground(words, coverage.gap_m2) }) }) : null,
      tabs.length > 1 ? el('div', { class: 'sg-b-toolbox', role: 'tablist' }, tabs.map(([name, text]) => button(text, () => { this.tab = name; this.at = null; this.paint(); this.draw(); }, { role: 'tab', class: 'sg-small', 'aria-pressed': String(name === this.tab), 'aria-selected': String(name === this.tab), 'data-key': 'tab ' + name }))) : null,
      ...(this.tab === 'repair' ? this.repair() : this.findings())), null].filter(Boolean));
    this.list.scrollTop = scroll;
  }

  findings() {
    const { words } = this.ui, { t } = words, { report } = this, counts = new Map();
    if (!report.n_findings) return [el('p', { class: 'sg-b-good', text: t('f_no_findings') })];
    for (const one of report.findings) counts.set(one.kind, (counts.get(one.kind) || 0) + 1);
    const errors = report.findings.filter(one => one.level === 'error').length;
    const chip = (kind, text) => button(text, () => { this.kind = kind; this.at = null; this.paint(); this.draw(); }, { class: 'sg-small', 'aria-pressed': String(kind === this.kind), 'data-key': 'kind ' + kind });
    return [
      el('div', { class: 'sg-b-toolbox', role: 'group' }, chip('', t('f_all', { n: words.number(report.findings.length) })), errors ? chip('error', t('f_errors', { n: words.number(errors) })) : null, [...counts].map(([kind, n]) => chip(kind, this.what({ kind }) + ' ' + words.number(n)))),
      el('ul', { class: 'sg-b-list' }, this.shown.slice(0, LISTED).map((one, i) => this.entry(one, i))),
      this.shown.length > LISTED || report.n_findings > report.findings.length ? el('p', { class: 'sg-soft', text: t('f_shown', { n: words.number(Math.min(LISTED, this.shown.length)), of: words.number(report.n_findings) }) }) : null];
  }

  entry(one, i) {
    const { words } = this.ui, { t } = words, key = 'f_mend_' + one.kind, mend = words.has(key) ? t(key) : one.hint;
    return el('li', {}, el('button', { type: 'button', class: 'sg-b-item' + (one === this.at ? ' is-chosen' : ''), 'data-key': 'finding ' + i, onclick: () => this.show(one) },
      el('span', { class: 'sg-line' }, el('b', { class: 'sg-b-level is-' + one.level, text: this.what(one) }), el('span', { class: 'sg-grow sg-clip', text: one.name || one.value }), el('span', { class: 'sg-num sg-soft', text: one.row ? t('f_row', { n: one.row }) : one.kind === 'overlap' || one.kind === 'gap' || one.kind === 'sliver' ? '' : t('f_whole') })),
      el('span', { class: 'sg-soft', text: [one.reason.includes('m²') ? '' : this.figures(one), one.reason].filter(Boolean).join(' · ') }),
      one === this.at && mend ? el('span', { class: 'sg-b-mend', text: t('f_mend', { text: mend }) }) : null,
      one === this.at && one.proposal ? el('span', { class: 'sg-soft', text: t('f_proposal', { text: one.proposal }) }) : null));
  }

  repair() {
    const { words } = this.ui, { t } = words, { repair } = this.report, { figures } = repair;
    if (!repair.is_possible) return [el('p', { class: 'sg-b-problem', text: t('f_impossible') }), el('ul', {}, repair.findings.map(one => el('li', { text: (one.row ? t('f_row', { n: one.row }) + ': ' : '') + one.reason })))];
    if (!repair.changes.length) return [el('p', { class: 'sg-b-good', text: t('f_nothing_changes') })];
    return [
      el('p', { text: t('f_repair_figures', { n: words.number(repair.changes.length), m2: ground(words, figures.owner_changed_m2 || 0), m: words.number(figures.owner_changes_within_m || 0, 1) }) }),
      el('p', { class: figures.is_valid ? 'sg-b-good' : 'sg-b-note', text: t(figures.is_valid ? 'f_repair_valid' : 'f_repair_left') }),
      el('ul', { class: 'sg-b-list' }, repair.changes.slice(0, LISTED).map((one, i) => el('li', {}, el('button', { type: 'button', class: 'sg-b-item' + (one === this.at ? ' is-chosen' : ''), 'data-key': 'change ' + i, onclick: () => this.show(one) },
        el('span', { class: 'sg-line' }, el('b', { class: 'sg-grow sg-clip', text: one.name || one.code }), el('span', { class: 'sg-num sg-soft', text: t('f_row', { n: one.row }) })),
        el('span', { class: 'sg-soft', text: this.changed(one) })))))];
  }
}

export async function openDesk(host, data) { return new Report(host, data); }
