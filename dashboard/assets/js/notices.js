// Short news at the lower edge of the map: saved, refused, asked for confirmation.

const { el, button } = await import('./dom.js' + new URL(import.meta.url).search);

export class Notices {
  constructor() { this.root = el('div', { class: 'sg-notices', role: 'status', 'aria-live': 'polite' }); }

  say(text, kind = 'ok', ms = kind === 'warn' ? 8000 : 5000) {
    for (const node of this.root.children) if (node.dataset.text === text) node.remove();
    const node = el('div', { class: 'sg-notice is-' + kind, 'data-text': text }, el('span', { text }));
    this.root.append(node);
    while (this.root.children.length > 4) this.root.firstElementChild.remove();
    setTimeout(() => node.remove(), ms);
    return node;
  }

  // Resolves to the value of the answer, null for `no` and Escape; the question stays until it is answered.
  ask(text, choices, no) {
    return new Promise(done => {
      const answer = value => { node.remove(); done(value); };
      const node = el('div', { class: 'sg-notice is-question', role: 'alertdialog', 'aria-label': text, onkeydown: event => { if (event.key === 'Escape') { event.stopPropagation(); answer(null); } } },
        el('span', { text }), choices.map(([value, label], i) => button(label, () => answer(value), { class: i ? 'sg-choice' : 'sg-primary' })), button(no, () => answer(null), { class: 'sg-quiet' }));
      this.root.append(node);
      node.querySelector('button').focus();
    });
  }
}
