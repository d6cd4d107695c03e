// The command line of an experienced operator. What it does can also be done with the mouse.
//   n TYPE @PLACE [!severity] [+n korban] [#latihan] text   a report   = NUMBER   attach the report to an incident
//   t NUMBER text    note                              ? NUMBER          open it and say why
//   a NUMBER WORD [AGENCY] [RESULT] note               an agency's answer by telephone
//   p NUMBER [AGENCY] note   call an agency again      x WORD            what the call was
//   u NUMBER AGENCY [lead|support] reason              appoint another agency

const { splitCoordinates } = await import('./coordinates.js' + new URL(import.meta.url).search);

const STATE_WORDS = {
  accepted: ['terima', 'diterima', 'accept', 'ok'], declined: ['tolak', 'ditolak', 'decline'], en_route: ['menuju', 'oto', 'jalan', 'route'],
  on_scene: ['tiba', 'lokasi', 'scene'], done: ['selesai', 'done'],
};
const CLASS_WORDS = {
  prank: ['prank', 'iseng'], ghost: ['ghost', 'hening', 'sunyi'], information: ['info', 'informasi', 'information'], out_of_area: ['wilayah', 'luar', 'outside'],
  wrong_number: ['salah', 'wrong'], test: ['uji', 'tes', 'test'],
};
const RESULT_WORDS = {
  handled: ['tertangani', 'ditangani', 'handled'], referred: ['dirujuk', 'rujuk', 'referred'], by_phone: ['telepon', 'phone'], nothing_found: ['nihil', 'nothing'],
  prank: ['prank', 'iseng'], by_residents: ['warga', 'residents'], passed_on: ['dialihkan', 'alih', 'passed'], not_reachable: ['tak-terjangkau', 'terjangkau', 'unreachable'],
};
const ROLE_WORDS = { lead: ['utama', 'lead'], support: ['pendukung', 'dukung', 'support'] };
const VERBS = { panggil: 'p', recall: 'p', tunjuk: 'u', appoint: 'u' };

const wordIn = (table, word) => Object.keys(table).find(name => name === word || table[name].includes(word)) || null;

function readReport(rest, types, city) {
  const report = { facts: {} };
  let text = ' ' + rest + ' ';
  if (/\s!(?![1-4]\s)\d\S*\s/.test(text)) return { error: 'cmd_bad_severity' };
  text = text.replace(/\s!([1-4])(?=\s)/, (_, n) => { report.severity = Number(n); return ' \u0001 '; });
  text = text.replace(/\s\+(\d{1,4})(?:\s*(?:korban|victims?))?(?=\s)/i, (_, n) => { report.facts.n_victims = Number(n); return ' \u0001 '; });
  text = text.replace(/\s#(?:latihan|drill)(?=\s)/i, () => { report.isDrill = true; return ' \u0001 '; });
  if (/\s#\S/.test(text)) return { error: 'cmd_bad_sign' };
  const before = text.split('@')[0].replace(/[\u0001;]/g, ' ').trim().split(/\s+/);
  text = text.replace(/@\s*([^\u0001;]*)(?:;|\u0001|$)/, (_, place) => {
    // Coordinates end where they end; a name ends at `;`, at another sign, or with the line.
    const split = city && splitCoordinates(place, city);
    report.place = (split ? split.place : place).trim();
    return ' ' + (split ? split.rest : '') + ' ';
  });
  text = text.replace(/[\u0001;]/g, ' ').replace(/\s+/g, ' ').trim();
  const [first = '', ...others] = text.split(' ');
  const type = types.find(each => each.code.toLowerCase() === first.toLowerCase());
  if (type) { report.type = type.code; text = others.join(' '); }
  // Written where a type stands, or like one: nobody may take it for a word of the description unseen.
  else if ((before.length === 1 && before[0] && report.place !== undefined) || /^[a-z]{2,4}\d{1,2}$/i.test(first)) report.meantType = first;
  if (text) report.description = text;
  return { report };
}

// Types whose code begins as what was written, for who mistyped one.
export function nearTypes(word, types) {
  const start = word.slice(0, 2).toUpperCase();
  return types.filter(type => type.code.startsWith(start)).slice(0, 5).map(type => type.code);
}

// Returns {kind, …} or {kind: 'error', key}: `key` names the sentence that says how to mend it.
export function readCommand(line, types, city) {
  const text = line.trim(), space = text.search(/\s|(?<=^[=?])/), first = (space < 0 ? text : text.slice(0, space)).toLowerCase(), rest = space < 0 ? '' : text.slice(space).trim();
  const verb = VERBS[first] || first;
  if (!text) return { kind: 'empty' };
  if (verb === 'n' || verb === 'b') {
    if (!rest) return { kind: 'new' };
    const { report, error } = readReport(rest, types, city);
    return error ? { kind: 'error', key: error } : { kind: 'report', report };
  }
  if (verb === 'x') {
    const classification = wordIn(CLASS_WORDS, rest.toLowerCase());
    return classification ? { kind: 'classify', classification } : { kind: 'error', key: 'cmd_bad_class' };
  }
  const [number = '', ...words] = rest.split(/\s+/);
  if (!['t', 'a', 'p', 'u', '?', '='].includes(verb)) return { kind: 'error', key: 'cmd_unknown' };
  if (!/^([A-Za-z]+-)?\d+$/.test(number)) return { kind: 'error', key: 'cmd_bad_number' };
  if (verb === '?') return { kind: 'why', number };
  if (verb === '=') return { kind: 'attach', number };
  if (verb === 't') return words.length ? { kind: 'note', number, text: words.join(' ') } : { kind: 'error', key: 'cmd_no_text' };
  if (verb === 'p') return { kind: 'recall', number, words };
  if (verb === 'u') return words.length ? { kind: 'appoint', number, words } : { kind: 'error', key: 'cmd_no_target' };
  const state = wordIn(STATE_WORDS, (words[0] || '').toLowerCase());
  return state ? { kind: 'answer', number, state, words: words.slice(1) } : { kind: 'error', key: 'cmd_bad_state' };
}

// The one of `list` (each with `agency`, `jurisdiction` {code, name}) whom the first word names: an agency's code, a
// jurisdiction's code or the end of it, the last word of its name. `rest` is what follows. Several: `choices`.
function choose(words, list, agencies) {
  const word = (words[0] || '').toUpperCase(), rest = words.slice(1);
  const named = [
    each => each.jurisdiction && each.jurisdiction.code.toUpperCase() === word,
    each => (each.agency || '').toUpperCase() === word,
    each => word.length > 2 && each.jurisdiction && (each.jurisdiction.code.toUpperCase().endsWith('-' + word) || (each.jurisdiction.name || '').toUpperCase().split(/\s+/).pop() === word),
  ];
  for (const fits of named) {
    const found = word ? list.filter(fits) : [];
    if (found.length) return { found, rest };
  }
  // What was meant as a code and is none of these: nothing may be recorded for another agency instead.
  return agencies.includes(word) || isMistyped(words[0] || '', agencies) ? { missing: word } : { rest: words };
}

// Written in capitals like a code, or one letter or two exchanged ones beside a code of the city.
function isMistyped(said, agencies) {
  const word = said.toUpperCase(), sorted = text => [...text].sort().join('');
  if (said.length > 1 && /^[A-Z]+(-[A-Z0-9]+)*$/.test(said)) return true;
  return word.length > 2 && agencies.some(code => code.length === word.length && (sorted(code) === sorted(word) || [...code].filter((letter, i) => letter !== word[i]).length === 1));
}

export const nameOf = each => (each.jurisdiction ? each.jurisdiction.code : each.agency);

// Whose answer it is, with which result and note: {assignment, note, result} or {error, values}.
export function readAnswer(command, assignments, agencies) {
  const list = assignments.filter(a => a.role !== 'inform' && a.agency), chosen = choose(command.words, list, agencies);
  if (chosen.missing) return { error: 'cmd_no_agency', values: { agency: chosen.missing } };
  const declined = command.kind === 'recall' ? list.filter(a => a.state === 'declined') : [];
  let found = chosen.found || (declined.length ? declined : list.filter(a => a.role === 'lead'));
  if (!found.length) return { error: 'cmd_no_agency', values: { agency: '' } };
  // Of several only those can be meant for which the step is still ahead.
  if (found.length > 1) { const ahead = found.filter(a => (command.kind === 'recall' ? a.state === 'declined' : isAhead(a.state, command.state))); if (ahead.length) found = ahead; }
  if (found.length > 1) return { error: 'cmd_which', values: { choices: found.map(nameOf).join(', ') } };
  let words = chosen.rest, result = null;
  if (command.state === 'done') {
    result = wordIn(RESULT_WORDS, (words[0] || '').toLowerCase());
    if (!result) return { error: 'cmd_no_result' };
    words = words.slice(1);
  }
  const note = words.join(' ');
  return command.state === 'declined' && !note ? { error: 'cmd_no_reason' } : { assignment: found[0], note, result };
}

// Who is appointed, as what and why: {item, role, reason} or {error, values}. `items` as the server lists them.
export function readAppointment(command, items, agencies, otherwise) {
  const list = items.map(item => ({ agency: item.agency, jurisdiction: { code: item.jurisdiction, name: item.name }, item }));
  const { found, rest, missing } = choose(command.words, list, agencies);
  if (!found) return { error: 'cmd_not_appointable', values: { agency: missing || command.words[0] } };
  if (found.length > 1) return { error: 'cmd_which', values: { choices: found.slice(0, 8).map(nameOf).join(', ') + (found.length > 8 ? ' …' : '') } };
  const { item } = found[0], said = wordIn(ROLE_WORDS, (rest[0] || '').toLowerCase()), reason = rest.slice(said ? 1 : 0).join(' ');
  if (!reason) return { error: 'cmd_no_reason' };
  return { item, role: said || (item.roles.includes(otherwise) ? otherwise : item.roles[0]), reason };
}

const RANK = { queued: 0, delivered: 1, seen: 2, accepted: 3, declined: 9, en_route: 4, on_scene: 5, done: 6 };
const isAhead = (old, now) => old !== 'declined' && (now === 'declined' ? RANK[old] < 3 : RANK[now] > RANK[old]);
