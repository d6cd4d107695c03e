// What the operator has written stays in this browser until the server has said yes: the draft at every keystroke,
// drafts set aside, each saved report under its own idempotency key, sent again every two seconds.

const RETRY_MS = 2000;

function read(key, otherwise) {
  try { return JSON.parse(localStorage.getItem(key)) ?? otherwise; } catch { return otherwise; }
}

export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('');
}

export class Outbox extends EventTarget {
  constructor(api, user) {
    super();
    this.api = api;
    this.draftKey = 'siaga.draft.' + user;
    this.boxKey = 'siaga.outbox.' + user;
    this.parkedKey = 'siaga.parked.' + user;
    this.onStorage = event => {
      if ([this.boxKey, this.parkedKey].includes(event.key)) this.tell();
      // Sent or emptied in another window of the same account: two windows must not send one draft twice.
      else if (event.key === this.draftKey && event.newValue === '{}') this.dispatchEvent(new CustomEvent('emptied', { detail: event.oldValue }));
    };
  }

  start() { addEventListener('storage', this.onStorage); this.timer = setInterval(() => this.flush(), RETRY_MS); this.tell(); this.flush(); }

  stop() { removeEventListener('storage', this.onStorage); clearInterval(this.timer); }

  get draft() { return read(this.draftKey, {}); }

  set draft(value) { localStorage.setItem(this.draftKey, JSON.stringify(value)); }

  // Drafts set aside for another call, oldest first.
  get parked() { return read(this.parkedKey, []); }

  set parked(drafts) { localStorage.setItem(this.parkedKey, JSON.stringify(drafts)); this.tell(); }

  get entries() { return read(this.boxKey, []); }

  write(entries) { localStorage.setItem(this.boxKey, JSON.stringify(entries)); this.tell(); }

  tell() { this.dispatchEvent(new CustomEvent('change', { detail: this.entries })); }

  add(body, draft) {
    const entry = { key: newKey(), body, draft, takenAt: Date.now() };
    this.write([...this.entries, entry]);
    this.flush();
    return entry.key;
  }

  take(key) {
    const entry = this.entries.find(each => each.key === key);
    this.write(this.entries.filter(each => each.key !== key));
    return entry;
  }

  replace(key, change) { this.write(this.entries.map(each => (each.key === key ? { ...each, ...change } : each))); }

  // One tab sends at a time; should two ever meet, the key makes them one report.
  async flush() {
    if (this.isBusy || !this.entries.some(each => !each.refused)) return;
    this.isBusy = true;
    try {
      if (navigator.locks) await navigator.locks.request(this.boxKey, { ifAvailable: true }, lock => (lock ? this.send() : null));
      else await this.send();
    } finally { this.isBusy = false; }
  }

  async send() {
    for (let next; (next = this.entries.find(each => !each.refused)); ) {
      try {
        const answer = await this.api.post('/api/reports', next.body, { 'Idempotency-Key': next.key });
        this.write(this.entries.filter(each => each.key !== next.key));
        this.dispatchEvent(new CustomEvent('saved', { detail: { answer, entry: next } }));
      } catch (error) {
        if (!error.isRefusal) return; // away for now: kept, tried again
        this.replace(next.key, { refused: error.lines(), mended: error.mended });
        this.dispatchEvent(new CustomEvent('refused', { detail: { entry: next, lines: error.lines() } }));
      }
    }
  }
}

const isUnsent = key => key.startsWith('siaga.outbox.') || key.startsWith('siaga.parked.');

export function unsentOnThisBrowser() {
  return Object.keys(localStorage).filter(isUnsent).reduce((n, key) => n + read(key, []).length, 0);
}

export function forgetAll() {
  for (const key of Object.keys(localStorage)) if (key.startsWith('siaga.draft.') || isUnsent(key)) localStorage.removeItem(key);
}
