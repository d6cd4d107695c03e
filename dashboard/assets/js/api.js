// The browser API of this server: same origin, session cookie, one header no foreign form can send.

export class ApiError extends Error {
  constructor(status, problem) {
    super((problem && (problem.detail || problem.title)) || 'HTTP ' + status);
    this.status = status;
    this.problem = problem || {};
  }

  // The input is at fault, so sending the same again is of no use.
  get isRefusal() { return this.status >= 400 && this.status < 500 && ![401, 408, 425, 429].includes(this.status); }

  get errors() { return Array.isArray(this.problem.errors) ? this.problem.errors : []; }

  // One line for each thing to mend. Where the mended point is given, a person is asked instead of told what to send.
  lines() {
    return this.errors.length ? this.errors.map(e => (isMended(e) ? e.reason : [e.field, e.reason, e.hint].filter(Boolean).join(' — '))) : [this.message];
  }

  // The point that one with swapped coordinates or a wrong sign was probably meant to be, and why; else null.
  get mended() {
    const found = this.errors.find(isMended);
    return found ? { lon: found.lon, lat: found.lat, reason: found.reason } : null;
  }
}

const isMended = error => Number.isFinite(error.lon) && Number.isFinite(error.lat);

export class Api {
  constructor(language) { this.language = language; }

  get(path, options) { return this.send('GET', path, undefined, options); }

  post(path, body, headers) { return this.send('POST', path, body, { headers }); }

  async send(method, path, body, { headers, timeout = 8000, signal } = {}) {
    const all = { 'Accept-Language': this.language, 'X-Siaga': '1', ...headers };
    if (body !== undefined) all['Content-Type'] = 'application/json';
    const limit = AbortSignal.timeout(timeout);
    const answer = await fetch(path, {
      method, headers: all, cache: 'no-store', credentials: 'same-origin',
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal && AbortSignal.any ? AbortSignal.any([signal, limit]) : signal || limit,
    });
    if (answer.status === 401) {
      location.assign('/login');
      throw new ApiError(401);
    }
    const parsed = await answer.json().catch(() => null);
    if (!answer.ok) throw new ApiError(answer.status, parsed);
    return parsed;
  }
}
