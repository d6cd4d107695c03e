// A point outside the service area that would lie in it with swapped coordinates or another sign: the person who sees the
// map decides, and need not know how a program would say it.

const { el, button } = await import('./dom.js' + new URL(import.meta.url).search);

// `mended` is {lon, lat, reason} as the server gives it.
export function mendQuestion(ui, mended, { onUse, onKeep }) {
  const { t } = ui.words, point = mended.lat.toFixed(5) + ', ' + mended.lon.toFixed(5);
  return el('div', { class: 'sg-question', role: 'group', 'aria-label': mended.reason }, el('span', { text: mended.reason }),
    el('span', { class: 'sg-line sg-wrap' },
      button(t('mend_use', { point }), () => onUse(mended), { class: 'sg-small', 'data-key': 'mend' }),
      button(t('mend_keep'), onKeep, { class: 'sg-small', 'data-key': 'keep' })));
}
