// Before saving: who would be called, the question that would settle a border, and incidents this may repeat.

const search = new URL(import.meta.url).search;
const { el, button, redraw } = await import('./dom.js' + search);
const { CALLS_NOBODY } = await import('./live.js' + search);
const { mendQuestion } = await import('./mend.js' + search);

const WAIT_MS = 220;

export class Preview {
  constructor(ui, { onAttach, onForget, onSide, onMend, onKeep }) {
    Object.assign(this, { ui, onAttach, onForget, onSide, onMend, onKeep, duplicates: [] });
    this.root = el('div', { class: 'sg-preview', 'aria-live': 'polite', hidden: true });
  }

  // `type` is the draft's, and `far` how far it is from the incident it joins, in words.
  update(draft, type, far) {
    // A kind that opens no incident has no agencies to be asked for.
    const asked = draft.type && !(type && type.lane === null) && draft.lon !== undefined ? [draft.lon, draft.lat, draft.accuracy_m, draft.type, draft.isDrill].join() : '';
    this.attachTo = draft.attach_to;
    this.isSure = Boolean(draft.confirmPosition);
    this.nobody = this.callsNobody(draft, type, far);
    this.point = draft.lon === undefined ? null : draft.lat.toFixed(5) + ', ' + draft.lon.toFixed(5);
    if (asked === this.asked) { this.draw(); return; }
    this.asked = asked;
    clearTimeout(this.timer);
    if (!asked) { this.answer = null; this.trouble = null; this.duplicates = []; this.draw(); return; }
    this.draw();
    const query = new URLSearchParams({ lon: draft.lon, lat: draft.lat, accuracy_m: draft.accuracy_m ?? 25, type: draft.type, ...(draft.isDrill ? { drill: true } : {}) });
    this.timer = setTimeout(() => this.ask(asked, query), WAIT_MS);
  }

  async ask(asked, query) {
    try {
      const answer = await this.ui.api.get('/api/whose?' + query, { timeout: 5000 });
      if (asked !== this.asked) return;
      this.answer = answer;
      this.answered = asked;
      this.trouble = null;
      this.duplicates = answer.possible_duplicates || [];
      this.draw();
    } catch (error) {
      if (asked !== this.asked) return;
      this.answer = null;
      this.duplicates = [];
      this.trouble = error.isRefusal ? error.lines() : [this.ui.words.t('preview_away')];
      this.draw();
    }
  }

  // Said instead of the agencies, when saving will not call them; else null.
  callsNobody(draft, type, far) {
    const { t } = this.ui.words;
    if (CALLS_NOBODY.has(draft.classification)) return t('calls_nobody', { why: this.ui.label('classification', draft.classification) });
    if (type && type.lane === null) return t('calls_nobody', { why: type.name });
    return draft.attach_to ? t('calls_nobody_more', { number: [draft.attachNumber, far].filter(Boolean).join(' · ') }) : null;
  }

  draw() {
    const { words } = this.ui, { t } = words, a = this.answer || {};
    // Only of this very point: the answer may still be that of the one before.
    const isMistyped = Boolean(a.mended) && !this.isSure && this.answered === this.asked, list = this.nobody || isMistyped ? [] : a.assignments || [];
    const parts = (this.trouble || []).map(text => el('p', { class: 'sg-soft', text })), area = ((a.admin && a.admin.kelurahan) || []).map(k => k.name + (k.share < 0.995 && k.share > 0 ? ' ' + words.percent(k.share) : '')).join(', ');
    const by = role => list.filter(each => each.role === role);
    for (const lead of by('lead')) {
      const border = lead.match === 'share' ? words.percent(lead.share) : lead.match === 'nearest' ? t('nearest_by', { m: words.metres(lead.border_m) }) : lead.border_m !== null && lead.border_m !== undefined ? t('from_border', { m: words.metres(lead.border_m) }) : '';
      parts.push(el('p', { class: 'sg-preview-line' }, el('span', { class: 'sg-role', 'data-role': 'lead', text: this.ui.label('role', 'lead') }),
        el('b', { text: lead.agency || t('no_agency'), title: this.ui.agency(lead.agency) }), el('span', { class: 'sg-clip', text: [lead.jurisdiction && lead.jurisdiction.name, border].filter(Boolean).join(' · ') })));
    }
    for (const role of ['support', 'inform']) {
      const names = by(role);
      if (!names.length) continue;
      const shown = new Map(names.map(each => [each.agency || '?', each]));
      parts.push(el('p', { class: 'sg-preview-line' }, el('span', { class: 'sg-role', 'data-role': role, text: this.ui.label('role', role) }),
        el('span', { class: 'sg-agencies' }, [...shown].map(([code]) => el('span', { class: 'sg-agency', text: code, title: this.ui.agency(code) })))));
    }
    if (this.point) parts.unshift(el('p', { class: 'sg-preview-area' }, el('b', { class: 'sg-clip', text: area, title: area }), el('span', { class: 'sg-num', text: this.point }), button(t('remove'), this.onForget, { class: 'sg-small sg-text' })));
    if (this.nobody) parts.push(el('p', { class: 'sg-calls-nobody', text: this.nobody }));
    if (isMistyped) parts.push(mendQuestion(this.ui, a.mended, { onUse: this.onMend, onKeep: this.onKeep }));
    // The answer narrows the point to the part of its disc on that side.
    if (a.question && !this.nobody) parts.push(el('div', { class: 'sg-question', role: 'group', 'aria-label': a.question.text }, el('span', { text: a.question.text + ' ' }),
      el('span', { class: 'sg-line sg-wrap' }, (a.question.options || []).map(option => button(option.place, () => this.onSide(option), { class: 'sg-small', title: option.name + ' · ± ' + words.metres(option.accuracy_m), 'data-key': 'side ' + option.jurisdiction })))));
    if (a.handoff && !this.nobody && !isMistyped) parts.push(el('p', { class: 'sg-question', text: t('handoff', { government: a.handoff.government, number: a.handoff.number || '–' }) }));
    for (const twin of this.duplicates.slice(0, 3)) {
      const isAttached = this.attachTo === twin.incident_id;
      parts.push(el('p', { class: 'sg-preview-line sg-twin' + (isAttached ? ' is-on' : '') }, el('b', { class: 'sg-num', text: twin.number }),
        el('span', { class: 'sg-clip', text: [words.metres(twin.distance_m), words.age(twin.age_s), t('like', { p: words.percent(twin.score) })].join(' · ') }),
        button(t(isAttached ? 'detach' : 'attach'), () => this.onAttach(isAttached ? null : twin), { class: 'sg-small' })));
    }
    redraw(this.root, parts);
    this.root.hidden = !parts.length;
  }
}
