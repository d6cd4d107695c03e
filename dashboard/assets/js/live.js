// The live picture: every open incident, kept current by asking for what changed.

const ENDED = new Set(['closed', 'cancelled', 'unfounded', 'merged', 'handed_off']);
const WAITING = new Set(['queued', 'delivered', 'seen']);
// From one asking to the next; the answer's own time counts, so that a slow server does not make the picture older still.
const EVERY_MS = 750, PAUSE_MS = 250, HIDDEN_MS = 3000;

// What a call can have been without anybody being called for it.
export const CALLS_NOBODY = new Set(['information', 'prank', 'ghost', 'wrong_number', 'test']);

export const isEnded = status => ENDED.has(status);
export const isWaiting = assignment => assignment.role !== 'inform' && WAITING.has(assignment.state);

export function metresBetween(a, b) {
  const rad = Math.PI / 180, x = (a.lon - b.lon) * rad * Math.cos(((a.lat + b.lat) / 2) * rad), y = (a.lat - b.lat) * rad;
  return Math.hypot(x, y) * 6371008.8;
}

function readRow(array, own) {
  const [id, number, lon, lat, type, lane, severity, status, at, text, version, accuracy, origin, nReports, list] = array;
  const assignments = (list || []).map(a => ({
    id: a[0], agency: a[1], service: a[2], role: a[3], state: a[4], version: a[5], travel: a[6], estimate: a[7], level: a[8] ?? null, isCalibrated: Boolean(a[9]),
  }));
  const lead = assignments.find(a => a.role === 'lead') || assignments[0] || null;
  const row = { id, number, lon, lat, type, lane, severity, status, at, text: text || '', version, accuracy, origin, nReports, assignments, lead };
  const acting = assignments.filter(a => a.role !== 'inform'), isOpen = !isEnded(status) && status !== 'resolved';
  row.isDrill = origin === 'drill';
  row.service = lead ? lead.service : '';
  row.isUnassigned = Boolean(lead) && !lead.agency;
  // A lead that declined leaves the incident with nobody: it needs a person as one without an agency does.
  row.isDeclined = !own && isOpen && Boolean(lead) && lead.role === 'lead' && lead.state === 'declined';
  // Nobody is left who could come: every agency that was to act has declined, or there was none.
  row.isNobodys = !own && isOpen && assignments.length > 0 && !acting.some(a => a.agency && a.state !== 'declined');
  row.isWaiting = row.isNobodys || row.isUnassigned || row.isDeclined || (own ? acting : acting.filter(a => a.role === 'lead')).some(isWaiting);
  row.nWaiting = acting.filter(isWaiting).length;
  // Who was reminded and still has not answered; `level` 0 is overdue, from 1 on the step of the ladder.
  row.late = acting.filter(a => a.level !== null && isWaiting(a)).sort((a, b) => Number(b.role === 'lead') - Number(a.role === 'lead') || b.level - a.level);
  row.search = (number + ' ' + type + ' ' + row.text + ' ' + assignments.map(a => a.agency || '').join(' ')).toLowerCase();
  return row;
}

// How far the reminders of those a row waits for have gone; -1 is none.
const levelOf = row => Math.max(-1, ...row.late.filter(a => a.role === 'lead').map(a => a.level));

export class Live extends EventTarget {
  // `isOwn`: an agency's desk, where each of its own assignments waits for an answer, not the lead's alone.
  // `isBlind`: a desk that may report but not read; it only looks whether the server is there.
  // `limits`: seconds until an answer is due, by lane and severity, as the city's SOP says.
  constructor(api, { isOwn = false, isBlind = false, limits = {} } = {}) {
    super();
    Object.assign(this, { api, isOwn, isBlind, limits });
    this.rows = new Map();
    this.since = '0';
    this.skew = 0;
    this.lastOk = Date.now();
    this.isLinked = true;
    this.isFirst = true;
    this.wake = () => { if (!document.hidden) this.soon(0); };
  }

  start() { document.addEventListener('visibilitychange', this.wake); this.soon(0); }

  stop() { this.isStopped = true; clearTimeout(this.timer); document.removeEventListener('visibilitychange', this.wake); }

  // The server's clock, seconds.
  now() { return (Date.now() + this.skew) / 1000; }

  age(row) { return this.now() - row.at; }

  // 0 calm, 1 nearly due, 2 overdue: only while nobody has answered. Without an agency nobody will.
  urgency(row) {
    if (!row.isWaiting) return 0;
    if (row.isNobodys || row.isUnassigned || row.isDeclined || row.late.some(a => this.isOwn || a.role === 'lead')) return 2;
    const limit = (this.limits[row.lane] || {})[row.severity];
    if (!limit) return 0;
    const share = this.age(row) / limit;
    return share >= 1 ? 2 : share >= 0.75 ? 1 : 0;
  }

  find(number) {
    const wanted = String(number).trim().toUpperCase();
    let found = null;
    for (const row of this.rows.values()) {
      if (row.number.toUpperCase() === wanted) return row;
      if (Number(row.number.split('-').pop()) === Number(wanted)) found = !found || row.at > found.at ? row : found;
    }
    return found;
  }

  // Resolves with the first answer of the server.
  ready() { return this.isFirst ? new Promise(done => this.addEventListener('rows', done, { once: true })) : Promise.resolve(); }

  soon(ms) { clearTimeout(this.timer); if (!this.isStopped) this.timer = setTimeout(() => this.tick(), ms); }

  // Ask now: after an own change. An asking on its way may have begun before the change, so it is followed by another.
  refresh() { if (this.isBusy) this.isWanted = true; else this.soon(0); }

  async tick() {
    if (this.isBusy) return;
    this.isBusy = true;
    this.isWanted = false;
    const begun = Date.now();
    try {
      const answer = this.isBlind ? await this.knock() : await this.api.get('/api/live?since=' + encodeURIComponent(this.since), { timeout: this.isFirst ? 20000 : 6000 });
      if (this.isStopped) return;
      this.skew = Date.parse(answer.now) - Date.now();
      this.merge(answer.rows);
      this.sawClosures(answer.closures);
      this.since = answer.since;
      this.lastOk = Date.now();
      this.setLink(true);
    } catch (error) {
      if (this.isStopped) return;
      console.debug('siaga live', error.message);
      this.setLink(false);
    } finally {
      this.isBusy = false;
      this.soon(this.isWanted ? 0 : document.hidden || this.isBlind ? HIDDEN_MS : Math.max(PAUSE_MS, EVERY_MS - (Date.now() - begun)));
    }
  }

  // A short text that changes when a street is closed or opened, also by the clock.
  sawClosures(known) {
    const isNew = this.closures !== undefined && known !== this.closures;
    this.closures = known;
    if (isNew) this.dispatchEvent(new Event('closures'));
  }

  async knock() {
    await this.api.get('/api/me');
    return { since: this.since, now: new Date().toISOString(), rows: [] };
  }

  setLink(isLinked) {
    const isBack = isLinked && !this.isLinked;
    this.isLinked = isLinked;
    this.dispatchEvent(new CustomEvent('link', { detail: { isLinked, seconds: Math.round((Date.now() - this.lastOk) / 1000) } }));
    if (isBack) document.dispatchEvent(new Event('siaga:back'));
  }

  merge(arrays) {
    const changed = [], removed = [], fresh = [], reminded = [];
    for (const array of arrays) {
      const row = readRow(array, this.isOwn), old = this.rows.get(row.id);
      if (isEnded(row.status)) {
        if (old) { this.rows.delete(row.id); removed.push(row); }
        continue;
      }
      if (old && old.version > row.version) continue;
      this.rows.set(row.id, row);
      changed.push(row);
      if (!this.isFirst && (!old || (row.isUnassigned && !old.isUnassigned) || (row.isDeclined && !old.isDeclined) || (row.isNobodys && !old.isNobodys))) fresh.push(row);
      else if (old && row.isWaiting && levelOf(row) > levelOf(old)) reminded.push(row);
    }
    const isFirst = this.isFirst;
    this.isFirst = false;
    if (changed.length || removed.length || isFirst) this.dispatchEvent(new CustomEvent('rows', { detail: { changed, removed, fresh, reminded, isFirst } }));
  }
}
