// The list of open incidents, lane D above lane L, in step with the map. Only the rows in sight are elements.

const search = new URL(import.meta.url).search;
const { el, button } = await import('./dom.js' + search);
const { symbol } = await import('./shapes.js' + search);

const ROW = 44, HEAD = 26;
const LANES = ['D', 'L'];

export class Queue {
  constructor(live, ui, actions) {
    Object.assign(this, { live, ui, actions });
    this.items = [];
    this.elements = new Map();
    this.selected = null;
    this.only = 'all';
    this.filter = '';
    this.build();
  }

  build() {
    const { t } = this.ui.words;
    this.search = el('input', {
      type: 'search', class: 'sg-input sg-queue-search', placeholder: t('queue_search'), 'aria-label': t('queue_search'), autocomplete: 'off', spellcheck: 'false',
      oninput: () => { this.filter = this.search.value.trim().toLowerCase(); this.sync(); },
      onkeydown: event => {
        if (event.key === 'Escape') { this.search.value = this.filter = ''; this.sync(); event.stopPropagation(); }
        if (event.key === 'Enter' || event.key === 'ArrowDown') { event.preventDefault(); this.focus(); }
      },
    });
    this.tabs = ['all', 'waiting'].map(name => button('', () => { this.only = name; this.sync(); }, { class: 'sg-tab', 'data-name': name }));
    this.list = el('div', { class: 'sg-list', role: 'listbox', tabindex: '0', 'aria-label': t('queue'), onscroll: () => this.draw(), onkeydown: event => this.onKey(event) });
    this.space = el('div', { class: 'sg-list-space' });
    this.empty = el('p', { class: 'sg-empty', text: t('queue_empty') });
    this.list.append(this.space, this.empty);
    this.root = el('section', { class: 'sg-queue' }, el('header', { class: 'sg-queue-head' }, ...this.tabs, this.search), this.list);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.list);
  }

  close() { this.watch.disconnect(); }

  // Those nobody is left for, then those nobody has answered, the gravest first, the longest waiting first; then the
  // rest, newest first. A drill never stands above a real incident that waits as well.
  order(a, b) {
    if (a.isNobodys !== b.isNobodys && !(a.isDrill || b.isDrill)) return a.isNobodys ? -1 : 1;
    if (a.isWaiting !== b.isWaiting) return a.isWaiting ? -1 : 1;
    if (a.isWaiting && a.isDrill !== b.isDrill) return a.isDrill ? 1 : -1;
    if (a.severity !== b.severity) return a.severity - b.severity;
    return a.isWaiting ? a.at - b.at : b.at - a.at;
  }

  sync() {
    const { t } = this.ui.words, all = [...this.live.rows.values()], waiting = all.filter(row => row.isWaiting).length;
    const shown = all.filter(row => (this.only === 'all' || row.isWaiting) && (!this.filter || row.search.includes(this.filter) || this.ui.typeName(row.type).toLowerCase().includes(this.filter)));
    this.items = [];
    let y = 0, n = 0;
    for (const lane of LANES) {
      const rows = shown.filter(row => row.lane === lane).sort(this.order);
      if (!rows.length) continue;
      this.items.push({ key: 'lane-' + lane, y, height: HEAD, lane, n: rows.length, nWaiting: rows.filter(row => row.isWaiting).length });
      y += HEAD;
      for (const row of rows) { this.items.push({ key: row.id, y, height: ROW, row, n: ++n }); y += ROW; }
    }
    this.count = n;
    this.space.style.height = y + 'px';
    this.tabs[1].classList.toggle('is-alarm', all.some(row => !row.isDrill && this.live.urgency(row) === 2));
    this.empty.hidden = this.items.length > 0;
    this.empty.textContent = t(this.live.isFirst ? 'loading' : this.filter || this.only !== 'all' ? 'queue_none_match' : 'queue_empty');
    this.tabs[0].textContent = t('queue_all') + ' ' + all.length;
    this.tabs[1].textContent = t('queue_waiting') + ' ' + waiting;
    this.tabs.forEach(tab => tab.setAttribute('aria-pressed', tab.dataset.name === this.only));
    this.draw();
  }

  draw() {
    const top = this.list.scrollTop - 200, bottom = this.list.scrollTop + this.list.clientHeight + 200, seen = new Set();
    let from = 0, to = this.items.length;
    while (from < to) { const middle = (from + to) >> 1; if (this.items[middle].y + this.items[middle].height < top) from = middle + 1; else to = middle; }
    for (let i = from; i < this.items.length && this.items[i].y < bottom; i++) {
      const item = this.items[i];
      seen.add(item.key);
      let node = this.elements.get(item.key);
      if (!node) { this.elements.set(item.key, node = item.row ? this.rowElement() : el('div', { class: 'sg-lane', role: 'presentation' })); this.space.append(node); }
      node.style.transform = 'translateY(' + item.y + 'px)';
      if (item.row) this.dress(node, item.row, item.n); else this.dressLane(node, item);
    }
    for (const [key, node] of this.elements) if (!seen.has(key)) { node.remove(); this.elements.delete(key); }
    const focused = this.selected && this.elements.get(this.selected);
    if (focused) this.list.setAttribute('aria-activedescendant', focused.id); else this.list.removeAttribute('aria-activedescendant');
  }

  rowElement() {
    const node = el('div', { class: 'sg-row', role: 'option', onclick: () => { this.actions.select(node.siagaId); this.list.focus({ preventScroll: true }); } });
    node.parts = { symbol: el('span', { class: 'sg-row-symbol' }), number: el('b', { class: 'sg-num' }), drill: el('b', { class: 'sg-drill', text: this.ui.words.t('drill'), hidden: true }), type: el('span', { class: 'sg-row-type' }), severity: el('span', { class: 'sg-sev' }),
      age: el('span', { class: 'sg-row-age' }), late: el('span', { class: 'sg-row-late' }), text: el('span', { class: 'sg-row-text' }), state: el('span', { class: 'sg-row-state' }) };
    const p = node.parts;
    node.append(p.symbol, el('span', { class: 'sg-row-top' }, p.number, p.drill, p.type, p.severity), p.age, el('span', { class: 'sg-row-said' }, p.late, p.text), p.state);
    return node;
  }

  dress(node, row, n) {
    const { ui, live } = this, p = node.parts, urgency = live.urgency(row), isSelected = row.id === this.selected;
    const age = ui.words.age(live.age(row));
    if (p.age.textContent !== age) p.age.textContent = age;
    const state = this.state(row);
    if (p.state.textContent !== state) p.state.textContent = state;
    if (node.siagaN !== n + '/' + this.count) { node.siagaN = n + '/' + this.count; node.setAttribute('aria-posinset', n); node.setAttribute('aria-setsize', this.count); }
    const look = ['sg-row', row.isDrill ? 'is-drill' : '', row.isWaiting ? 'is-waiting' : '', row.isNobodys || row.isUnassigned || row.isDeclined ? 'is-unassigned' : '', row.isNobodys ? 'is-nobodys' : '', ['', 'is-due', 'is-overdue'][urgency], isSelected ? 'is-selected' : ''].join(' ');
    if (node.className !== look) node.className = look;
    if (node.siagaRow === row) return;
    node.siagaRow = row;
    node.siagaId = row.id;
    node.id = 'sg-row-' + row.id;
    node.setAttribute('aria-selected', isSelected);
    p.symbol.replaceChildren(symbol(row, ui.letter(row.service), 26));
    p.number.textContent = row.number;
    p.drill.hidden = !row.isDrill;
    p.type.textContent = ui.typeName(row.type);
    p.severity.textContent = 'S' + row.severity;
    p.severity.dataset.s = row.severity;
    p.text.textContent = row.text || '—';
    p.late.textContent = row.isWaiting || !row.late.length ? '' : ui.words.t('late', { agencies: [...new Set(row.late.map(a => a.agency))].join(', ') }) + this.escalation(row.late[0]) + ' · ';
  }

  // Of a row that waits: who has not answered, and once reminded for how long and how far up it has gone.
  state(row) {
    const { words } = this.ui;
    if (row.isUnassigned) return words.t('no_agency');
    if (row.isNobodys) return words.t('all_declined');
    if (row.isDeclined) return words.t('has_declined', { agency: row.lead.agency });
    if (!row.isWaiting) return this.ui.status(row.status);
    const lead = row.late.find(a => a.role === 'lead');
    return words.t('not_answered', { agency: this.silent(row) }) + (lead ? ' ' + words.age(this.live.age(row)) + this.escalation(lead) : '');
  }

  escalation(a) { return a.level > 0 ? ' · ' + this.ui.words.t('escalation', { n: a.level }) : ''; }

  silent(row) {
    const waiting = row.assignments.filter(a => a.role !== 'inform' && ['queued', 'delivered', 'seen'].includes(a.state) && a.agency);
    return waiting.length ? (waiting.find(a => a.role === 'lead') || waiting[0]).agency : '';
  }

  dressLane(node, item) {
    const text = this.ui.words.t('lane_' + item.lane) + ' · ' + item.n + (item.nWaiting ? ' · ' + this.ui.words.t('n_waiting', { n: item.nWaiting }) : '');
    if (node.textContent !== text) node.textContent = text;
  }

  select(id) {
    this.selected = id;
    for (const [key, node] of this.elements) if (node.parts) { node.setAttribute('aria-selected', key === id); node.siagaRow = key === id ? null : node.siagaRow; }
    this.reveal(id);
    this.draw();
  }

  reveal(id) {
    const item = this.items.find(each => each.key === id);
    if (!item) return;
    const top = this.list.scrollTop, bottom = top + this.list.clientHeight;
    if (item.y < top + HEAD) this.list.scrollTop = Math.max(0, item.y - HEAD);
    else if (item.y + item.height > bottom) this.list.scrollTop = item.y + item.height - this.list.clientHeight + 4;
  }

  step(by) {
    const rows = this.items.filter(item => item.row);
    if (!rows.length) return;
    const at = rows.findIndex(item => item.key === this.selected);
    const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + by));
    this.actions.select(rows[next].key);
  }

  nextWaiting() {
    const rows = this.items.filter(item => item.row && item.row.isWaiting);
    if (!rows.length) return;
    const at = rows.findIndex(item => item.key === this.selected);
    this.actions.select(rows[(at + 1) % rows.length].key);
  }

  onKey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -1e9, End: 1e9 };
    if (event.key in steps && !event.altKey && !event.ctrlKey) { event.preventDefault(); this.step(steps[event.key]); }
    else if (event.key === 'Enter' && this.selected) { event.preventDefault(); this.actions.open(this.selected); }
  }

  focus() { this.list.focus(); if (!this.items.some(item => item.key === this.selected)) this.step(1); }
}
