// Whose are these points: a list of the agency's own, pasted or from a file, answered row by row and compared.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { said, area, field, select, table, number, csv, download } = await import('./boundaryparts.js' + search);

const MOST_ON_MAP = 3000, LISTED = 300, MOST_BYTES = 2000000;
const COLUMNS = ['row', 'lon', 'lat', 'said', 'jurisdiction', 'name', 'agency', 'match', 'border_m', 'agrees', 'why'];

export class PointsView {
  constructor(ui, page) {
    Object.assign(this, { ui, page, text: '', file: '', column: '', accuracy: '', answer: null, problem: '', only: 'different', at: null, isBusy: false });
    this.root = el('div', { class: 'sg-b-view' });
  }

  reset() { Object.assign(this, { answer: null, problem: '' }); }

  keep() { return { text: this.text, column: this.column, accuracy: this.accuracy, file: this.file }; }

  leave() { this.page.map.clear(); }

  async open() {
    this.page.map.onPick = null;
    this.draw();
    const set = await this.page.readSet(null, 3);
    if (this.page.view !== this) return;
    if (set) this.page.map.showSet(set);
    this.paint();
  }

  // Column names of the first line, for the two selections.
  get heads() {
    const first = this.text.replace(/^\ufeff/, '').split(/\r?\n/, 1)[0] || '', sign = first.includes(';') ? ';' : first.includes('\t') ? '\t' : ',';
    return first.split(sign).map(one => one.trim().replace(/^"|"$/g, '')).filter(one => one && !['lon', 'lat'].includes(one.toLowerCase()));
  }

  async take(file) {
    if (!file) return;
    if (file.size > MOST_BYTES) { this.problem = this.ui.words.t('b_file_too_big', { mb: this.ui.words.number(MOST_BYTES / 1e6) }); this.draw(); return; }
    Object.assign(this, { text: await file.text(), file: file.name, answer: null, problem: '', column: '', accuracy: '' });
    this.draw();
  }

  async send() {
    const { t } = this.ui.words;
    if (!this.text.trim()) { this.problem = t('b_need_points_list'); this.draw(); return; }
    this.isBusy = true;
    this.problem = '';
    this.draw();
    try {
      const body = { csv: this.text, ...(this.column ? { column: this.column } : {}), ...(this.accuracy ? { accuracy_column: this.accuracy } : {}) };
      this.answer = await this.page.post('/api/boundaries/check?' + new URLSearchParams({ service: this.page.service }), body);
      this.only = this.answer.comparison ? 'different' : 'all';
      this.at = null;
    } catch (error) { this.answer = null; this.problem = error.isRefusal ? said(error) : t('b_away'); }
    this.isBusy = false;
    this.paint(true);
    this.draw();
  }

  get shown() {
    const { rows } = this.answer;
    return { all: rows, different: rows.filter(row => row.agrees === false || row.agrees === 'no'), unused: rows.filter(row => row.match === 'invalid') }[this.only] || rows;
  }

  paint(shouldFit) {
    const { map } = this.page, { t } = this.ui.words;
    map.clear('Marks');
    if (!this.answer) return;
    const around = map.boundsOfSet(), city = around && around.pad(0.5), bounds = L.latLngBounds([]), usable = this.answer.rows.filter(row => Number.isFinite(row.lat) && row.match !== 'invalid');
    for (const row of usable.slice(0, MOST_ON_MAP)) {
      // A point on the other side of the world is in the list, and shows nothing of the city.
      if (!city || city.contains([row.lat, row.lon])) bounds.extend([row.lat, row.lon]);
      const isOther = row.agrees === false || row.agrees === 'no';
      map.dot(row.lon, row.lat, 'sg-b-point' + (isOther ? ' is-other' : row.agency ? '' : ' is-nobody'), [(row.name || t('b_nobody')), t('b_row', { n: row.row }) + (row.said ? ' · ' + t('b_said', { said: row.said }) : ''), row.why || ''].filter(Boolean).join('\n'), { radius: isOther ? 6 : 4.5, pick: () => this.show(row) });
    }
    if (shouldFit) map.fit(bounds, 15);
  }

  show(row) {
    this.at = row;
    if (Number.isFinite(row.lat) && row.match !== 'invalid') { this.paint(); this.page.map.look(row.lon, row.lat, 15); this.page.map.dot(row.lon, row.lat, 'sg-b-seen', null, { radius: 11 }); }
    this.draw();
  }

  save() { const rows = this.answer.rows.map(row => COLUMNS.map(name => (name === 'agrees' ? agrees(row.agrees) : row[name]))); download('siaga-' + this.page.service + '.csv', csv([COLUMNS, ...rows])); }

  // ---- drawing

  draw() {
    const { t } = this.ui.words, { heads } = this, none = [['', t('b_no_column')]];
    redraw(this.root, [
      el('p', { class: 'sg-soft', text: t('b_points_hint') }),
      el('form', { class: 'sg-b-form', novalidate: true, onsubmit: event => { event.preventDefault(); this.send(); } },
        field(t('b_points_file'), el('input', { type: 'file', accept: '.csv,.txt,text/csv', 'data-key': 'file', class: 'sg-input', onchange: event => this.take(event.target.files[0]) })),
        this.file ? el('p', { class: 'sg-soft sg-clip', text: this.file }) : null,
        field(t('b_points_text'), area('csv', this.text, text => { this.text = text; this.file = ''; }, { rows: 5, spellcheck: 'false', placeholder: 'lon,lat,instansi\n122.51,-3.98,POL', onchange: () => this.draw() })),
        field(t('b_points_column'), select('column', [...none, ...heads.map(one => [one, one])], this.column, value => { this.column = value; })),
        field(t('b_points_accuracy'), select('accuracy', [...none, ...heads.map(one => [one, one])], this.accuracy, value => { this.accuracy = value; })),
        this.problem ? el('p', { class: 'sg-b-problem', role: 'alert', text: this.problem }) : null,
        el('div', { class: 'sg-line' }, el('button', { type: 'submit', class: 'sg-primary', text: t(this.isBusy ? 'b_measuring' : 'b_check_points'), disabled: this.isBusy }))),
      ...(this.answer ? this.result() : [])]);
  }

  result() {
    const { words } = this.ui, { t } = words, { answer } = this, { comparison: c } = answer, rows = this.shown, right = text => ({ text, isNumber: true });
    const kinds = ['all', ...(c ? ['different'] : []), ...(answer.rows.some(row => row.match === 'invalid') ? ['unused'] : [])];
    return [
      el('h3', { text: t('b_result') }),
      c ? el('p', { class: 'sg-b-figure' }, el('b', { text: words.number(c.n_different) }), el('span', { text: t('b_differ', { n: words.number(answer.n), equal: words.number(c.n_equal), unknown: words.number(c.n_unknown), empty: words.number(c.n_empty) }) })) : el('p', { text: t('b_n_points', { n: words.number(answer.n) }) }),
      el('p', { class: 'sg-soft', text: Object.entries(answer.matches).map(([code, n]) => this.match(code) + ' ' + words.number(n)).join(' · ') }),
      c && c.names.length ? el('details', {}, el('summary', { text: t('b_names_taken') }), table([t('b_said_head'), t('b_taken_for'), right('n')], c.names.map(one => [one.said, one.code || t('b_unknown_name'), number(words, one.n)]))) : null,
      c && c.confusion.length ? el('details', {}, el('summary', { text: t('b_often') }), table([t('b_said_head'), t('b_found_head'), right('n')], c.confusion.map(one => [one.said, one.found || t('b_nobody'), number(words, one.n)]))) : null,
      el('div', { class: 'sg-line sg-wrap' }, kinds.map(kind => button(t('b_rows_' + kind), () => { this.only = kind; this.draw(); }, { class: 'sg-small', 'aria-pressed': String(kind === this.only) })), button(t('b_download'), () => this.save(), { class: 'sg-small' })),
      table([right(t('b_row_head')), ...(c ? [t('b_said_head')] : []), t('b_found_head'), t('b_why_head')], rows.slice(0, LISTED).map(row => [number(words, row.row), ...(c ? [row.said || ''] : []), row.name || (row.match === 'invalid' ? '–' : t('b_nobody')), row.why || '']), { pick: i => this.show(rows[i]), isChosen: i => rows[i] === this.at }),
      rows.length > LISTED ? el('p', { class: 'sg-soft', text: t('more_rows', { n: words.number(rows.length - LISTED) }) }) : null].filter(Boolean);
  }

  match(code) { const key = 'b_match_' + code; return this.ui.words.has(key) ? this.ui.words.t(key) : code; }
}

const agrees = value => ({ true: 'yes', false: 'no' }[String(value)] || value || '');
