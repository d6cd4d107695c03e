// Entry of the Streamlit component: loads what the map needs, runs Folium's script, hands the map to the desk.
// Streamlit imports this text from a blob: URL and calls it again at every change of `data`.

const loaded = (window.__siagaAssets ||= new Map());

function load(url) {
  if (!loaded.has(url)) {
    loaded.set(url, new Promise((done, failed) => {
      const isStyle = url.split('?')[0].endsWith('.css');
      const node = document.createElement(isStyle ? 'link' : 'script');
      if (isStyle) { node.rel = 'stylesheet'; node.href = url; } else { node.src = url; node.async = false; }
      node.onload = done;
      node.onerror = () => { loaded.delete(url); failed(new Error(url)); };
      document.head.append(node);
    }));
  }
  return loaded.get(url);
}

// A blob: script instead of eval keeps the page under `script-src 'self' blob:`.
async function runFolium(data, slot) {
  const div = document.createElement('div');
  div.id = data.map_id;
  div.className = 'folium-map';
  slot.replaceChildren(div);
  const store = '(window.__siagaMaps ||= {})[' + JSON.stringify(data.map_id) + ']';
  const source = store + ' = (function () {' + data.script + ';return ' + data.map_id + '})();';
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  try { await load(url); } finally { URL.revokeObjectURL(url); loaded.delete(url); }
  return window.__siagaMaps[data.map_id];
}

// Streamlit's menu changes the theme without a run of the page, so the page itself is watched.
function followTheme(otherwise) {
  const page = document.querySelector('.stApp');
  if (!page) { setTheme(otherwise); return; }
  const read = () => setTheme(getComputedStyle(page).colorScheme === 'dark' ? 'night' : 'light');
  read();
  if (page === window.__siagaThemed) return;
  window.__siagaThemed = page;
  new MutationObserver(read).observe(page, { attributes: true, attributeFilter: ['class'] });
}

function setTheme(theme) {
  if (document.documentElement.dataset.siaga === theme) return;
  document.documentElement.dataset.siaga = theme;
  document.dispatchEvent(new Event('siaga:theme'));
}

async function build(host, state, data, emit) {
  const turn = state.turn = (state.turn || 0) + 1;
  const old = state.map;
  const view = old && data.mode === 'plain' ? { center: old.getCenter(), zoom: old.getZoom() } : null;
  // Another language is the same work: what was open and half done is taken over.
  const kept = old && state.desk && state.desk.keep ? state.desk.keep() : null;
  tearDown(state);
  await Promise.all(data.assets.filter(url => url.includes('.css')).map(load));
  for (const url of data.assets) await load(url);
  let slot = host;
  if (data.mode === 'bar') {
    const { openBar } = await import(location.origin + data.bar);
    if (turn === state.turn) state.desk = openBar(host, data, emit);
    return;
  }
  if (data.mode !== 'plain') {
    const { openDesk } = await import(location.origin + data.desk);
    if (turn !== state.turn) return;
    const desk = await openDesk(host, data);
    if (turn !== state.turn) { desk.close(); return; }
    state.desk = desk;
    slot = desk.slot;
  }
  state.map = await runFolium(data, slot);
  if (turn !== state.turn) { state.map.remove(); return; }
  if (view) state.map.setView(view.center, view.zoom, { animate: false });
  state.watch = new ResizeObserver(() => state.map && state.map.invalidateSize({ pan: false }));
  state.watch.observe(slot);
  state.map.invalidateSize({ pan: false });
  if (state.desk) state.desk.attach(state.map);
  nameZoom(slot, data.zoom);
  if (state.desk && kept) state.desk.restore(kept);
}

// Leaflet's own buttons speak English.
function nameZoom(slot, names) {
  for (const [way, name] of Object.entries(names || {})) {
    const zoom = slot.querySelector('.leaflet-control-zoom-' + way);
    if (zoom) { zoom.title = name; zoom.setAttribute('aria-label', name); }
  }
}

function tearDown(state) {
  if (state.watch) state.watch.disconnect();
  if (state.desk) state.desk.close();
  if (state.map) state.map.remove();
  state.watch = state.desk = state.map = null;
}

export default function ({ parentElement, data, setTriggerValue }) {
  const host = parentElement.querySelector('.sg-host');
  const state = (host.__siaga ||= {});
  if (data.height) host.style.height = data.height;
  host.classList.toggle('sg-plain', data.mode === 'plain');
  followTheme(data.theme);
  const identity = [data.mode, data.hash, data.language, data.desk, data.user].join('|');
  if (state.identity !== identity) {
    state.identity = identity;
    build(host, state, data, value => setTriggerValue('event', value)).catch(error => {
      state.identity = null;
      host.textContent = 'Peta tidak dapat dimuat / map cannot be loaded: ' + error.message;
    });
  }
  return () => { state.turn = (state.turn || 0) + 1; state.identity = null; tearDown(state); };
}
