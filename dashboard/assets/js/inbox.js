// The agency's desk: its own assignments, those that need an answer first, each with its one next step.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { symbol } = await import('./shapes.js' + search);
const { isWaiting } = await import('./live.js' + search);

const SHOWN = 150;
const OVER = new Set(['done', 'declined']);

export class Inbox {
  constructor(live, ui, actions) {
    Object.assign(this, { live, ui, actions, selected: null, only: 'open', cards: new Map() });
    const { t } = ui.words;
    this.tabs = ['open', 'all'].map(name => button('', () => { this.only = name; this.sync(); }, { class: 'sg-tab', 'data-name': name }));
    this.list = el('div', { class: 'sg-cards', role: 'list', tabindex: '0', 'aria-label': t('our_assignments'), onkeydown: event => this.onKey(event) });
    this.root = el('section', { class: 'sg-inbox' },
      el('header', { class: 'sg-inbox-head' }, el('h2', { class: 'sg-clip', text: ui.me.agency_name || ui.agency(ui.me.agency), title: ui.me.agency_name }), ...this.tabs), this.list);
  }

  close() {}

  need(row) {
    const own = row.assignments[0];
    if (row.isWaiting) return 0;
    if (!own) return 9;
    return { accepted: 1, en_route: 2, on_scene: 3 }[own.state] ?? (own.role === 'inform' && own.state !== 'seen' ? 4 : 5);
  }

  sync() {
    const { t } = this.ui.words, all = [...this.live.rows.values()];
    const open = all.filter(row => row.assignments.some(a => !OVER.has(a.state) && !(a.role === 'inform' && a.state === 'seen')));
    const rows = (this.only === 'open' ? open : all).sort((a, b) => this.need(a) - this.need(b) || Number(a.isDrill) - Number(b.isDrill) || a.severity - b.severity || (a.isWaiting ? a.at - b.at : b.at - a.at));
    this.rows = rows.slice(0, SHOWN);
    this.tabs[0].textContent = t('tab_open') + ' ' + open.length;
    this.tabs[1].textContent = t('tab_all') + ' ' + all.length;
    this.tabs.forEach(tab => tab.setAttribute('aria-pressed', tab.dataset.name === this.only));
    const keep = new Map();
    const nodes = this.rows.map(row => {
      const old = this.cards.get(row.id), card = old && old.row === row ? old : this.card(row);
      keep.set(row.id, card);
      return card.node;
    });
    this.cards = keep;
    if (!nodes.length) nodes.push(el('p', { class: 'sg-empty', text: t(this.live.isFirst ? 'loading' : 'inbox_empty') }));
    if (rows.length > SHOWN) nodes.push(el('p', { class: 'sg-empty', text: t('more_rows', { n: rows.length - SHOWN }) }));
    if (nodes.length !== this.list.children.length || nodes.some((node, i) => this.list.children[i] !== node)) redraw(this.list, nodes);
    this.age();
  }

  card(row) {
    const { ui } = this, { t } = ui.words, age = el('span', { class: 'sg-row-age' });
    const own = row.assignments.slice().sort((a, b) => Number(isWaiting(b)) - Number(isWaiting(a)))[0];
    const actions = own && isWaiting(own)
      ? [button(t(row.isDrill ? 'do_accepted_drill' : 'do_accepted'), event => { event.stopPropagation(); this.actions.answer(row, own, 'accepted'); }, { class: 'sg-big', 'data-key': 'accept ' + own.id })]
      : [];
    const node = el('article', { class: 'sg-card', role: 'listitem', 'aria-label': [row.number, row.isDrill ? t('drill') : '', ui.typeName(row.type)].filter(Boolean).join(' '), onclick: () => this.actions.select(row.id) },
      el('span', { class: 'sg-row-symbol' }, symbol(row, ui.letter(row.service), 28)),
      el('div', { class: 'sg-card-body' },
        el('div', { class: 'sg-line' }, el('b', { class: 'sg-num', text: row.number }), row.isDrill ? el('b', { class: 'sg-drill', text: t('drill') }) : null, el('b', { class: 'sg-clip sg-grow', text: ui.typeName(row.type) }), el('span', { class: 'sg-sev', 'data-s': row.severity, text: 'S' + row.severity }), age),
        row.text ? el('p', { class: 'sg-card-text', text: row.text }) : null,
        own ? el('div', { class: 'sg-line' }, el('span', { class: 'sg-role', 'data-role': own.role, text: ui.label('role', own.role) }), el('span', { class: 'sg-state', text: ui.state(own.state) }),
          own.level > 0 ? el('span', { class: 'sg-row-late', text: t('escalation', { n: own.level }) }) : null,
          own.travel !== null && own.travel !== undefined ? el('span', { class: 'sg-soft sg-num', text: ui.words.travel(own.travel) + ' ' + t(own.estimate === 'road' ? 'by_road' : 'straight_line') + (own.isCalibrated ? '' : ', ' + t('not_calibrated')) }) : null) : null,
        ...actions));
    return { row, node, age };
  }

  age() {
    for (const [id, card] of this.cards) {
      const text = this.ui.words.age(this.live.age(card.row)), urgency = this.live.urgency(card.row);
      if (card.age.textContent !== text) card.age.textContent = text;
      const look = ['sg-card', card.row.isDrill ? 'is-drill' : '', card.row.isWaiting ? 'is-waiting' : '', ['', 'is-due', 'is-overdue'][urgency], id === this.selected ? 'is-selected' : ''].join(' ');
      if (card.node.className !== look) card.node.className = look;
      if (id === this.selected) card.node.setAttribute('aria-current', 'true'); else card.node.removeAttribute('aria-current');
    }
  }

  draw() { this.age(); }

  select(id) { this.selected = id; this.age(); const card = this.cards.get(id); if (card) card.node.scrollIntoView({ block: 'nearest' }); }

  step(by) {
    if (!this.rows.length) return;
    const at = this.rows.findIndex(row => row.id === this.selected);
    this.actions.select(this.rows[at < 0 ? 0 : Math.max(0, Math.min(this.rows.length - 1, at + by))].id);
  }

  nextWaiting() {
    const rows = this.rows.filter(row => row.isWaiting), at = rows.findIndex(row => row.id === this.selected);
    if (rows.length) this.actions.select(rows[(at + 1) % rows.length].id);
  }

  onKey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -1e9, End: 1e9 };
    if (event.target !== this.list) return;
    if (event.key in steps) { event.preventDefault(); this.step(steps[event.key]); }
    else if (event.key === 'Enter' && this.selected) { event.preventDefault(); this.actions.open(this.selected); }
  }

  focus() { this.list.focus(); if (!this.rows.some(row => row.id === this.selected)) this.step(1); }
}
