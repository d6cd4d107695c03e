// The right end of the navigation: city, clock, connection, language, user, way out.

const search = new URL(import.meta.url).search;
const { el, button, Wording } = await import('./dom.js' + search);
const { Api } = await import('./api.js' + search);
const { unsentOnThisBrowser, forgetAll } = await import('./outbox.js' + search);

const OTHER = { id: 'en', en: 'id' };

export function openBar(host, data, emit) {
  const words = new Wording(data.text, data.language, data.time_zone), { t } = words, api = new Api(data.language);
  const link = el('span', { class: 'sg-link', hidden: true }), clock = el('time', { class: 'sg-num sg-clock' });
  let leaveAsked = false;
  const leave = button(t('logout'), async () => {
    const unsent = unsentOnThisBrowser();
    if (unsent && !leaveAsked) { leaveAsked = true; leave.textContent = t('logout_unsent', { n: unsent }); leave.classList.add('is-alarm'); return; }
    try { await api.post('/logout', {}); } catch (error) { if (error.status !== 401 && !error.status) { leave.textContent = t('logout_away'); return; } }
    forgetAll();
    location.assign('/login');
  }, { class: 'sg-bar-button' });
  const bar = el('div', { class: 'sg-bar' },
    el('b', { class: 'sg-bar-city', text: data.city }), data.is_demo ? el('span', { class: 'sg-demo', text: 'DEMO', title: t('demo_data') }) : null,
    link, clock,
    button(OTHER[data.language].toUpperCase(), () => emit({ event: 'language', language: OTHER[data.language], at: Date.now() }), { class: 'sg-bar-button', title: t('switch_language'), 'aria-label': t('switch_language') }),
    el('span', { class: 'sg-bar-user sg-clip', text: data.user, title: data.user }), leave);
  const onLink = event => {
    const state = event.detail;
    link.hidden = !state;
    if (!state) return;
    link.className = 'sg-link' + (state.isLinked ? '' : ' is-away');
    link.textContent = state.isLinked ? t('linked') : t('away', { n: state.seconds });
  };
  const tick = () => { clock.textContent = words.clock(Date.now()); };
  const timer = setInterval(tick, 1000);
  document.addEventListener('siaga:link', onLink);
  tick();
  host.replaceChildren(...[data.heading ? el('div', { class: 'sg-heading', text: data.heading }) : null, bar].filter(Boolean));
  return { close() { clearInterval(timer); document.removeEventListener('siaga:link', onLink); } };
}
