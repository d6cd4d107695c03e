// The command line of an experienced operator. Every command is also a button; both do the same.
//   n TYPE @PLACE [!severity] [+n korban] text      a report        = NUMBER      attach the report to an incident
//   t NUMBER text    note                            ? NUMBER        open it and say why
//   a NUMBER WORD [AGENCY]    answer for an agency   x WORD          what the call was

const STATE_WORDS = {
  accepted: ['terima', 'diterima', 'accept', 'ok'], declined: ['tolak', 'ditolak', 'decline'], en_route: ['menuju', 'oto', 'jalan', 'route'],
  on_scene: ['tiba', 'lokasi', 'scene'], done: ['selesai', 'done'],
};
const CLASS_WORDS = {
  prank: ['prank', 'iseng'], ghost: ['ghost', 'hening', 'sunyi'], information: ['info', 'informasi', 'information'], out_of_area: ['wilayah', 'luar', 'outside'],
  wrong_number: ['salah', 'wrong'], test: ['uji', 'tes', 'test'],
};

const wordIn = (table, word) => Object.keys(table).find(name => name === word || table[name].includes(word)) || null;

function readReport(rest, types) {
  const report = { facts: {} };
  let text = ' ' + rest + ' ';
  text = text.replace(/\s!([1-4])(?=\s)/, (_, n) => { report.severity = Number(n); return ' \u0001 '; });
  text = text.replace(/\s\+(\d{1,4})(?:\s*(?:korban|victims?))?(?=\s)/i, (_, n) => { report.facts.n_victims = Number(n); return ' \u0001 '; });
  text = text.replace(/@\s*([^\u0001;]*)(?:;|\u0001|$)/, (_, place) => { report.place = place.trim(); return ' '; });
  text = text.replace(/[\u0001;]/g, ' ').replace(/\s+/g, ' ').trim();
  const [first = '', ...others] = text.split(' ');
  const type = types.find(each => each.code.toLowerCase() === first.toLowerCase());
  if (type) { report.type = type.code; text = others.join(' '); }
  if (text) report.description = text;
  return report;
}

// Returns {kind, …} or {kind: 'error', key}: `key` names the sentence that says how to mend it.
export function readCommand(line, types) {
  const text = line.trim(), space = text.search(/\s|(?<=^[=?])/), verb = (space < 0 ? text : text.slice(0, space)).toLowerCase(), rest = space < 0 ? '' : text.slice(space).trim();
  if (!text) return { kind: 'empty' };
  if (verb === 'n' || verb === 'b') return rest ? { kind: 'report', report: readReport(rest, types) } : { kind: 'new' };
  if (verb === 'x') {
    const classification = wordIn(CLASS_WORDS, rest.toLowerCase());
    return classification ? { kind: 'classify', classification } : { kind: 'error', key: 'cmd_bad_class' };
  }
  const [number = '', ...words] = rest.split(/\s+/);
  if (['t', 'a', '?', '='].includes(verb)) {
    if (!/^([A-Za-z]+-)?\d+$/.test(number)) return { kind: 'error', key: 'cmd_bad_number' };
    if (verb === '?') return { kind: 'why', number };
    if (verb === '=') return { kind: 'attach', number };
    if (verb === 't') return words.length ? { kind: 'note', number, text: words.join(' ') } : { kind: 'error', key: 'cmd_no_text' };
    const state = wordIn(STATE_WORDS, (words[0] || '').toLowerCase());
    if (!state) return { kind: 'error', key: 'cmd_bad_state' };
    const agency = /^[A-Z]{2,5}$/i.test(words[1] || '') ? words[1].toUpperCase() : null;
    return { kind: 'answer', number, state, agency, note: words.slice(agency ? 2 : 1).join(' ') };
  }
  return { kind: 'error', key: 'cmd_unknown' };
}
