// Doing what the command line asks of an incident. Each gives back whether it was done; what was not stays written.

const search = new URL(import.meta.url).search;
const { readAnswer, readAppointment, nameOf } = await import('./command.js' + search);

export class Commands {
  constructor(ui, live, detail, actions) { Object.assign(this, { ui, live, detail, actions }); }

  async run(command) {
    const { t } = this.ui.words;
    if (this.live.isFirst) { this.actions.say(t('loading')); await this.live.ready(); }
    const row = this.actions.find(command.number);
    if (!row) return this.refuse('cmd_no_incident', { number: command.number });
    this.actions.select(row.id);
    if (command.kind === 'note') return this.detail.event('note', this.detail.newest(row), command.text);
    // The newest states and versions, not those of the last poll.
    const incident = await this.detail.read();
    if (!incident) return this.refuse('not_sent');
    return this[command.kind](command, incident);
  }

  refuse(key, values) { this.actions.say(this.ui.words.t(key, values), 'warn'); return false; }

  async why(_command, incident) {
    const lead = incident.assignments.find(a => a.role === 'lead');
    if (lead) this.detail.toggleWhy(lead, true);
    return true;
  }

  async answer(command, incident) {
    const { assignment, note, result, error, values } = readAnswer(command, incident.assignments, Object.keys(this.ui.me.agencies));
    if (error) return this.refuse(error, values);
    const isDone = await this.detail.move(assignment, command.state, { note: note || this.ui.words.t('by_phone_note'), result });
    if (isDone) this.actions.say(incident.number + ' · ' + nameOf(assignment) + ': ' + this.ui.state(command.state));
    return isDone;
  }

  async recall(command, incident) {
    const { assignment, note, error, values } = readAnswer(command, incident.assignments, Object.keys(this.ui.me.agencies));
    return error ? this.refuse(error, values) : this.detail.recall(assignment, note);
  }

  async appoint(command, incident) {
    const items = await this.detail.appointable();
    if (!items) return this.refuse('not_sent');
    const { item, role, reason, error, values } = readAppointment(command, items, Object.keys(this.ui.me.agencies), this.detail.usualRole(incident));
    return error ? this.refuse(error, values) : this.detail.appoint(item, role, reason);
  }
}
