// Who called about an incident: masked, until somebody writes why the number is needed. That goes on record, and what was
// shown is forgotten with the incident.

const search = new URL(import.meta.url).search;
const { el, button } = await import('./dom.js' + search);

export class Callers {
  constructor(ui, detail, actions) { Object.assign(this, { ui, detail, actions, shown: new Map() }); }

  reset() { this.shown.clear(); }

  // One line for each; `why` is what is written as the reason before the operator says another.
  lines(incident, why = '') { return (incident.callers || []).map(caller => this.line(caller, why)); }

  line(caller, why) {
    const { t } = this.ui.words, whole = this.shown.get(caller.report_id), said = whole || caller;
    return el('p', { class: 'sg-line sg-wrap sg-called' }, el('span', { class: 'sg-soft', text: t('caller') }),
      el('b', { class: 'sg-num', text: said.phone ? grouped(said.phone) : t('caller_no_phone') }),
      el('span', { class: 'sg-clip sg-grow', text: [said.name, said.relation].filter(Boolean).join(' · ') }),
      whole ? button(t('copy'), () => navigator.clipboard && navigator.clipboard.writeText(said.phone || ''), { class: 'sg-small', 'data-key': 'copy ' + caller.report_id })
        : button(t('caller_show'), () => this.ask(caller, why), { class: 'sg-small', title: t('caller_show_hint'), 'data-key': 'caller ' + caller.report_id }));
  }

  ask(caller, why) {
    const { t } = this.ui.words, { id } = this.detail;
    const reason = el('input', { class: 'sg-input', maxlength: 200, value: why, placeholder: t('caller_reason'), 'aria-label': t('caller_reason') });
    this.detail.prompt(t('caller_show'), [reason], async () => {
      if (!reason.value.trim()) { this.actions.say(t('reason_needed'), 'warn'); reason.focus(); return false; }
      try {
        const whole = await this.ui.api.post('/api/reports/' + encodeURIComponent(caller.report_id) + '/caller', { reason: reason.value.trim() });
        if (id === this.detail.id) { this.shown.set(caller.report_id, whole); this.detail.draw(); }
        return true;
      } catch (error) {
        this.actions.say(error.isRefusal ? error.lines().join(' ') : t('not_sent'), 'warn');
        return false;
      }
    });
  }
}

// In fours, as numbers are read out; a masked one has its own form.
const grouped = phone => (/^\+?\d{9,}$/.test(phone) ? phone.replace(/(\d{4})(?=\d{2,})/g, '$1 ') : phone);
