// What happened to an incident so far, newest first, and by whom.

const search = new URL(import.meta.url).search;
const { el } = await import('./dom.js' + search);

const SHOWN = 80;

export function timeline(events, ui) {
  return el('ol', { class: 'sg-timeline' }, events.slice(-SHOWN).reverse().map(event => el('li', {}, el('time', { class: 'sg-num', text: ui.words.clock(event.at) }),
    el('span', {}, el('b', { text: eventName(event.kind, ui) }), el('span', { text: ' ' + describe(event.detail, ui) }), el('span', { class: 'sg-soft', text: ' ' + who(event, ui) })))));
}

// `assignment.accepted` reads as the state's label.
function eventName(kind, ui) {
  const [first, state] = kind.split('.');
  if (first === 'assignment' && state) return ui.state(state);
  return ui.words.has('event_' + kind) ? ui.words.t('event_' + kind) : kind;
}

// The account, and what it is where the name does not say it.
function who(event, ui) {
  if (event.actor === 'worker') return ui.words.t('account_system');
  const role = event.actor_role && ui.words.has('account_' + event.actor_role) ? ui.words.t('account_' + event.actor_role) : '';
  return [event.actor, role].filter(Boolean).filter((part, i, all) => i === 0 || part.toLowerCase() !== String(all[0]).toLowerCase()).join(', ');
}

function describe(detail, ui) {
  if (!detail) return '';
  if (typeof detail === 'string') return detail;
  const known = [];
  if (detail.agency) known.push(detail.jurisdiction && detail.jurisdiction !== detail.agency ? detail.jurisdiction : detail.agency);
  if (detail.role) known.push(ui.label('role', detail.role));
  if (detail.nobody_left) known.push(ui.words.t('all_declined'));
  if (detail.state) known.push(ui.state(detail.state));
  if (detail.status) known.push(ui.status(detail.status));
  if (detail.result) known.push(ui.words.has('result_' + detail.result) ? ui.words.t('result_' + detail.result) : String(detail.result));
  if (detail.level > 0) known.push(ui.words.t('escalation', { n: detail.level }));
  if (detail.whom) known.push(String(detail.whom[ui.words.language] || detail.whom.id || ''));
  if (detail.waited_s) known.push(ui.words.age(detail.waited_s));
  if (typeof detail.from === 'string' && typeof detail.to === 'string') known.push(ui.label('classification', detail.from) + ' → ' + ui.label('classification', detail.to));
  if (detail.handled !== undefined) known.push(ui.words.t(detail.handled ? 'confirm_yes' : 'confirm_no'));
  if (detail.government) known.push(String(detail.government));
  if (detail.number) known.push(String(detail.number));
  if (detail.into) known.push(String(detail.into));
  for (const key of ['note', 'text', 'reason']) if (detail[key]) known.push(String(detail[key]));
  return known.join(' · ');
}
