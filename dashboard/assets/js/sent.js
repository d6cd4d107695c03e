// The list of a desk that may report but not read: what it has sent since this page was opened.

const { el } = await import('./dom.js' + new URL(import.meta.url).search);

export class Sent {
  constructor(ui) {
    this.ui = ui;
    this.list = el('ul', {}, el('li', { class: 'sg-soft', text: ui.words.t('sent_none') }));
    this.root = el('section', { class: 'sg-sent', tabindex: '0', 'aria-label': ui.words.t('sent') }, el('h3', { text: ui.words.t('sent') }), this.list);
    this.n = 0;
  }

  add(answer) {
    const { ui } = this, called = [...new Set((answer.assignments || []).map(a => a.agency).filter(Boolean))].join(', ');
    if (!this.n++) this.list.replaceChildren();
    this.list.prepend(el('li', {}, el('span', { class: 'sg-num sg-soft', text: ui.words.clock(Date.now()) }), el('b', { class: 'sg-num', text: answer.number || '–' }), el('span', { class: 'sg-clip', text: called || ui.words.t('saved_report') })));
  }

  // The queue's interface, for the desk.
  sync() {}
  draw() {}
  select() {}
  nextWaiting() {}
  close() {}
  focus() { this.root.focus(); }
}
