// Choosing the incident type: family by one key, type by one key, or a guess from the operator's words.

const { el, button } = await import('./dom.js' + new URL(import.meta.url).search);

function compile(type) {
  if (!type.words) return null;
  try { return new RegExp(type.words.replace(/^\(\?[a-z]+\)/, ''), 'gi'); } catch { return null; }
}

export class TypePicker {
  constructor(ui, onPick) {
    this.ui = ui;
    this.onPick = onPick;
    this.types = ui.me.types;
    this.families = [...new Set(this.types.map(type => type.family))];
    this.patterns = this.types.map(type => [type, compile(type)]).filter(pair => pair[1]);
    this.open = null;
    this.root = el('div', { class: 'sg-types', role: 'group', 'aria-label': ui.words.t('type'), onkeydown: event => this.onKey(event) });
  }

  of(code) { return this.types.find(type => type.code === code) || null; }

  familyName(family) { const key = 'family_' + family.toUpperCase(); return this.ui.words.has(key) ? this.ui.words.t(key) : family; }

  // The type whose pattern covers most of the text; the city's order settles a tie. Null when none fits. Once the
  // operator has opened a family, only its types are guessed: what was chosen by hand outweighs a word.
  guess(text) {
    let best = null, most = 0;
    if (text.length < 3) return null;
    for (const [type, pattern] of this.patterns) {
      if (this.open && type.family !== this.open) continue;
      const n = (text.match(pattern) || []).reduce((sum, found) => sum + found.length, 0);
      if (n > most) { best = type; most = n; }
    }
    return best;
  }

  render(draft) {
    this.draft = draft;
    const chosen = this.of(draft.type), isFocused = this.root.contains(document.activeElement);
    this.root.classList.toggle('is-list', !chosen && Boolean(this.open));
    this.root.classList.toggle('is-one', Boolean(chosen));
    if (chosen) this.root.replaceChildren(this.summary(chosen, draft));
    else if (this.open) this.root.replaceChildren(...this.list());
    else this.root.replaceChildren(...this.grid());
    if (isFocused && !this.root.contains(document.activeElement)) this.root.querySelector('button')?.focus();
  }

  summary(type, draft) {
    const { t } = this.ui.words;
    return el('div', { class: 'sg-type-chosen' + (draft.isGuess ? ' is-guess' : '') },
      el('span', { class: 'sg-code', text: type.code }), el('b', { text: type.name }),
      draft.isGuess ? el('span', { class: 'sg-soft', text: t('guess') }) : null,
      draft.isGuess ? button(t('keep'), () => this.pick(type.code), { class: 'sg-small' }) : null,
      button(t('change'), () => { this.open = type.family; this.onPick(null); this.root.querySelector('button')?.focus(); }, { class: 'sg-small' }));
  }

  grid() {
    return this.families.slice(0, 10).map((family, i) => {
      const b = el('button', { type: 'button', class: 'sg-choice', onclick: () => this.show(family) }, el('i', { class: 'sg-digit', text: String((i + 1) % 10) }), el('span', { text: this.familyName(family) }));
      b.title = 'Alt+' + ((i + 1) % 10);
      return b;
    });
  }

  list() {
    const types = this.types.filter(type => type.family === this.open);
    return [
      button('‹ ' + this.familyName(this.open), () => this.show(null), { class: 'sg-choice sg-back', title: 'Esc' }),
      ...types.map((type, i) => el('button', { type: 'button', class: 'sg-choice', onclick: () => this.pick(type.code), title: type.code },
        el('i', { class: 'sg-digit', text: i < 9 ? String(i + 1) : '' }), el('span', { text: type.name }), type.severity ? el('span', { class: 'sg-sev', 'data-s': type.severity, text: 'S' + type.severity }) : null)),
    ];
  }

  show(family) { this.open = family; this.render(this.draft); this.root.querySelector('button:nth-of-type(' + (family ? 2 : 1) + ')')?.focus(); }

  pick(code) { this.open = null; this.onPick(code); }

  // `digit` 1…9, 0: a family, or a type of the family that is open.
  press(digit) {
    if (this.draft.type && !this.draft.isGuess) { this.open = null; this.onPick(null); }
    const at = digit === 0 ? 9 : digit - 1;
    if (this.open) { const type = this.types.filter(each => each.family === this.open)[at]; if (type) this.pick(type.code); return; }
    if (this.draft.isGuess) this.onPick(null);
    if (this.families[at]) this.show(this.families[at]);
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const buttons = [...this.root.querySelectorAll('button')], at = buttons.indexOf(document.activeElement);
    const move = { ArrowRight: 1, ArrowDown: this.open ? 1 : 5, ArrowLeft: -1, ArrowUp: this.open ? -1 : -5 }[event.key];
    if (/^\d$/.test(event.key)) { event.preventDefault(); this.press(Number(event.key)); }
    else if (event.key === 'Escape' && this.open) { event.preventDefault(); event.stopPropagation(); this.show(null); }
    else if (move && buttons[at + move]) { event.preventDefault(); buttons[at + move].focus(); }
  }
}
