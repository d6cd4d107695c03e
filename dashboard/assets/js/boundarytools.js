// The tools of a draft: hand kelurahan over, compose, draw, move vertices, split, and the rest. Each sends one edit.

const search = new URL(import.meta.url).search;
const { el, button } = await import('./dom.js' + search);
const { field, input, select, ground, holds } = await import('./boundaryparts.js' + search);
const { Drawing } = await import('./boundarydrawing.js' + search);

const TOOLS = ['handover', 'compose', 'draw', 'vertices', 'split', 'rename', 'priority', 'end'];
const FORMS = { priority: 'rank', draw: 'outline', end: 'ending' }; // where a field has the name of the tool
const MOST_VERTICES = 2000; // of one edit, as the server has it
const SHOWN = 80;

export class Tools {
  constructor(ui, drafts) {
    Object.assign(this, { ui, drafts, tool: null, problem: '' });
    this.drawing = new Drawing(ui, () => this.drafts.draw());
    this.clear();
  }

  clear() { Object.assign(this, { areas: new Set(), level: 'kelurahan', sought: '', from: '', to: '', target: '', made: { code: '', name: '', agency: '' }, name: '', priority: '', rest: '', problem: '', features: this.features || {} }); }

  stop() { this.tool = null; this.drawing.stop(); this.clear(); if (this.page.map) this.page.map.clear('Areas', 'Drawn'); }

  get page() { return this.drafts.page; }

  get map() { return this.page.map; }

  // The jurisdictions as the draft has them.
  current() {
    const changes = new Map(this.drafts.draft.changes.map(one => [one.jurisdiction, one]));
    const kept = ((this.map.collection && this.map.collection.features) || []).filter(one => !one.properties.is_citywide && !(changes.get(one.properties.jurisdiction) || {}).kind?.startsWith('end'))
      .map(one => ({ ...one.properties, geometry: one.geometry, ...pick(changes.get(one.properties.jurisdiction)) }));
    const known = new Set(kept.map(one => one.jurisdiction));
    return [...kept, ...this.drafts.draft.changes.filter(one => one.kind !== 'end' && !known.has(one.jurisdiction))].sort((a, b) => a.name.localeCompare(b.name));
  }

  find(jurisdiction) { return this.current().find(one => one.jurisdiction === jurisdiction); }

  choose(tool) {
    const isSame = this.tool === tool;
    this.stop();
    this.tool = isSame ? null : tool;
    if (tool === 'draw' && !isSame) this.drawing.start(this.map, 'polygon');
    if (tool === 'split' && !isSame) this.drawing.start(this.map, 'line');
    this.drafts.draw();
    if (isSame) return;
    if (tool === 'handover' || tool === 'compose') this.showAreas();
    this.drafts.root.querySelector('.sg-b-tool :is(select, input)')?.focus({ preventScroll: true });
  }

  // ---- kelurahan on the map and in a list

  async showAreas() {
    const { level } = this;
    this.features[level] ||= await this.page.areas(level);
    this.paint();
    this.drafts.draw();
  }

  paint() {
    if (!this.map || this.tool !== 'handover' && this.tool !== 'compose') return;
    this.map.clear('Areas');
    for (const feature of this.features[this.level] || []) {
      const { code, name } = feature.properties, isChosen = this.areas.has(code);
      const shape = this.map.shape(feature.geometry, 'sg-b-kelurahan' + (isChosen ? ' is-chosen' : ''), { to: 'Areas', weight: isChosen ? 2.5 : 1, tip: name + '\n' + this.ui.words.t(isChosen ? 'b_click_drop' : 'b_click_take') });
      shape.on('click', event => { L.DomEvent.stopPropagation(event); this.toggleArea(feature); });
    }
  }

  toggleArea(feature) {
    const { code } = feature.properties;
    if (this.areas.has(code)) this.areas.delete(code); else this.areas.add(code);
    if (this.tool === 'handover' && this.areas.size === 1 && this.areas.has(code)) this.from = this.holder(feature) || this.from;
    this.problem = '';
    this.paint();
    const bounds = L.geoJSON(feature.geometry).getBounds();
    if (!this.map.map.getBounds().contains(bounds)) this.map.fit(bounds, 14);
    this.drafts.draw();
  }

  // Who holds most of an area: the holder of the most of its corners and its middle.
  holder(feature) {
    const { geometry } = feature, ring = (geometry.type === 'Polygon' ? geometry.coordinates : geometry.coordinates.flat())[0];
    const middle = ring.reduce(([x, y], [lon, lat]) => [x + lon / ring.length, y + lat / ring.length], [0, 0]);
    // Points a little inside: a corner lies on the border of two.
    const tries = [middle, ...ring.filter((_, i) => i % Math.ceil(ring.length / 12) === 0).map(([lon, lat]) => [lon + (middle[0] - lon) * 0.3, lat + (middle[1] - lat) * 0.3])].filter(point => holds(geometry, point));
    const votes = new Map(), list = this.current().filter(one => one.geometry).sort((a, b) => a.priority - b.priority);
    for (const point of tries) { const one = list.find(each => holds(each.geometry, point)); if (one) votes.set(one.jurisdiction, (votes.get(one.jurisdiction) || 0) + 1); }
    return [...votes].sort((a, b) => b[1] - a[1]).map(([name]) => name)[0] || '';
  }

  areaPicker() {
    const { t } = this.ui.words, all = this.features[this.level] || [], sought = this.sought.toLowerCase();
    const found = all.filter(one => !sought || one.properties.name.toLowerCase().includes(sought)), chosen = all.filter(one => this.areas.has(one.properties.code));
    return [
      el('div', { class: 'sg-line' },
        select('level', ['kelurahan', 'kecamatan'].map(code => [code, t('kind_' + code)]), this.level, code => { this.level = code; this.areas.clear(); this.showAreas(); }, { 'aria-label': t('b_level') }),
        input('sought', this.sought, text => { this.sought = text; this.drafts.draw(); }, { type: 'search', placeholder: t('b_find_area'), 'aria-label': t('b_find_area') })),
      chosen.length ? el('p', { class: 'sg-b-chosen', text: t('b_chosen', { names: chosen.map(one => one.properties.name).join(', ') }) }) : el('p', { class: 'sg-soft', text: t('b_click_areas') }),
      el('div', { class: 'sg-b-areas', role: 'group', 'aria-label': t('kind_' + this.level) }, found.slice(0, SHOWN).map(one => el('label', { class: 'sg-b-check' }, el('input', { type: 'checkbox', 'data-key': 'area ' + one.properties.code, checked: this.areas.has(one.properties.code), onchange: () => this.toggleArea(one) }), el('span', { text: one.properties.name }))))];
  }

  // ---- fields

  whom(key, label, { isNewPossible = false } = {}) {
    const { t } = this.ui.words;
    const options = [['', t('b_choose')], ...this.current().map(one => [one.jurisdiction, one.name + (one.agency ? ' (' + one.agency + ')' : '')]), ...(isNewPossible ? [['+', t('b_new_jurisdiction')]] : [])];
    return field(label, select(key, options, this[key], value => { this[key] = value; this.problem = ''; this.changed(key); }));
  }

  changed(key) {
    if (this.tool === 'vertices' && key === 'target') {
      const one = this.find(this.target);
      if (one && one.geometry) { this.drawing.start(this.map, 'vertices', one.geometry); this.map.fit(L.geoJSON(one.geometry).getBounds(), 15); } else this.drawing.stop();
    }
    if (key === 'target' && this.tool === 'rename') this.name = (this.find(this.target) || {}).name || '';
    if (key === 'target' && this.tool === 'priority') this.priority = (this.find(this.target) || {}).priority || '';
    this.drafts.draw();
  }

  // What becomes of ground that the jurisdiction gives up.
  restField() {
    const { t } = this.ui.words;
    return this.target && this.target !== '+' ? field(t('b_rest'), select('rest', ['neighbours', 'nobody'].map(code => [code, t('b_rest_' + code)]), this.rest || 'neighbours', value => { this.rest = value; })) : null;
  }

  newFields() {
    const { t } = this.ui.words, { made, ui } = this, set = name => text => { made[name] = text; };
    return [
      field(t('b_code'), input('new code', made.code, set('code'), { maxlength: 60, placeholder: 'POLSEK-…' })),
      field(t('b_name'), input('new name', made.name, set('name'), { maxlength: 200 })),
      ui.me.role === 'agency' || this.tool === 'split' ? null : field(t('b_agency'), select('new agency', [['', t('b_choose')], ...Object.entries(ui.me.agencies).map(([code, name]) => [code, name + ' (' + code + ')'])], made.agency, set('agency')))];
  }

  drawingFields(hint) {
    const { t } = this.ui.words, { drawing } = this, isVertices = drawing.mode === 'vertices';
    return [
      el('p', { class: 'sg-soft', role: 'status', text: isVertices && drawing.tooMany ? t('b_zoom_in', { n: drawing.nInSight }) : isVertices && drawing.nVertices > MOST_VERTICES ? t('b_too_many', { n: drawing.nVertices, most: MOST_VERTICES }) : hint }),
      el('div', { class: 'sg-line sg-wrap' },
        isVertices ? null : button(t('b_take_middle'), () => drawing.takeMiddle(), { class: 'sg-small' }),
        button(t('b_undo'), () => drawing.undo(), { class: 'sg-small', disabled: !drawing.canUndo }),
        isVertices ? null : button(t('b_finish'), () => drawing.finish(), { class: 'sg-small', disabled: !drawing.isComplete || drawing.isDone }))];
  }

  // ---- the form of each tool: what is shown, and the edit it sends

  root() {
    const { t } = this.ui.words;
    return el('section', { class: 'sg-b-tools', 'aria-label': t('b_tools') }, el('h3', { text: t('b_tools') }),
      el('div', { class: 'sg-b-toolbox', role: 'group' }, TOOLS.map(tool => button(t('b_tool_' + tool), () => this.choose(tool), { class: 'sg-small', 'aria-pressed': String(tool === this.tool), 'data-key': 'tool ' + tool }))),
      this.tool ? this.form() : null);
  }

  form() {
    const { t } = this.ui.words;
    return el('form', { class: 'sg-b-form sg-b-tool', novalidate: true, onsubmit: event => { event.preventDefault(); this.send(); } },
      ...this[FORMS[this.tool] || this.tool]().filter(Boolean),
      this.problem ? el('p', { class: 'sg-b-problem', role: 'alert', text: this.problem }) : null,
      el('div', { class: 'sg-line' }, el('button', { type: 'submit', class: 'sg-primary', text: t('b_apply_' + this.tool), disabled: this.drafts.isBusy }), button(t('back'), () => { this.stop(); this.drafts.draw(); }, { class: 'sg-quiet' })));
  }

  handover() { const { t } = this.ui.words; return [...this.areaPicker(), this.whom('from', t('b_from')), this.whom('to', t('b_to'))]; }

  compose() { const { t } = this.ui.words; return [...this.areaPicker(), this.whom('target', t('b_jurisdiction'), { isNewPossible: true }), ...(this.target === '+' ? this.newFields() : []), this.restField()]; }

  outline() { const { t } = this.ui.words; return [...this.drawingFields(t('b_draw_hint', { n: this.drawing.points.length })), this.whom('target', t('b_whose_outline'), { isNewPossible: true }), ...(this.target === '+' ? this.newFields() : []), this.restField()]; }

  vertices() { const { t } = this.ui.words; return [this.whom('target', t('b_jurisdiction')), ...(this.drawing.mode ? this.drawingFields(t('b_vertices_hint', { n: this.drawing.nVertices })) : [])]; }

  split() { const { t } = this.ui.words; return [this.whom('target', t('b_jurisdiction')), ...this.drawingFields(t('b_split_hint', { n: this.drawing.points.length })), el('p', { class: 'sg-soft', text: t('b_split_new') }), ...this.newFields()]; }

  rename() { const { t } = this.ui.words; return [this.whom('target', t('b_jurisdiction')), field(t('b_name'), input('name', this.name, text => { this.name = text; }, { maxlength: 200 }))]; }

  rank() { const { t } = this.ui.words; return [this.whom('target', t('b_jurisdiction')), field(t('b_priority_n'), input('priority', this.priority, text => { this.priority = text; }, { type: 'number', min: 1, max: 10000 }))]; }

  ending() { const { t } = this.ui.words; return [this.whom('target', t('b_jurisdiction')), this.whom('to', t('b_ground_to'))]; }

  edit() {
    const { target, made } = this, of = target === '+' ? { new: { code: made.code.trim(), name: made.name.trim(), ...(made.agency ? { agency: made.agency } : {}) } } : { jurisdiction: target || null };
    return {
      handover: () => ({ kind: 'handover', areas: [...this.areas], from: this.from || null, to: this.to || null }),
      compose: () => ({ kind: 'compose', areas: [...this.areas], rest: this.rest || 'neighbours', ...of }),
      draw: () => ({ kind: 'replace', geometry: this.drawing.geometry(), rest: this.rest || 'neighbours', ...of }),
      vertices: () => ({ kind: 'replace', geometry: this.drawing.geometry(), jurisdiction: target || null }),
      split: () => ({ kind: 'split', jurisdiction: target || null, line: this.drawing.geometry(), new: { code: made.code.trim(), name: made.name.trim() } }),
      rename: () => ({ kind: 'rename', jurisdiction: target || null, name: this.name.trim() || null }),
      priority: () => ({ kind: 'priority', jurisdiction: target || null, priority: this.priority === '' ? null : Number(this.priority) }),
      end: () => ({ kind: 'end', jurisdiction: target || null, ...(this.to ? { to: this.to } : {}) }),
    }[this.tool]();
  }

  // What is missing is said before anything is sent, in the words of the page.
  missing() {
    const { t } = this.ui.words;
    if ((this.tool === 'handover' || this.tool === 'compose') && !this.areas.size) return t('b_need_areas');
    if (['draw', 'split'].includes(this.tool) && !this.drawing.isComplete) return t('b_need_points');
    if (this.tool === 'vertices' && this.target && !this.drawing.isComplete) return t('b_need_move');
    if (this.tool === 'handover' ? !this.from || !this.to : !this.target) return t('b_need_whom');
    return '';
  }

  async send() {
    this.problem = this.missing();
    if (this.problem) { this.drafts.draw(); return; }
    const { answer, problem } = await this.drafts.edit(this.edit());
    if (answer) {
      const moved = Math.max(...['gained_m2', 'lost_m2'].map(name => answer.changes.reduce((sum, one) => sum + one[name], 0)));
      this.stop();
      this.page.say(this.ui.words.t('b_edited', { m2: ground(this.ui.words, moved) }));
    } else this.problem = problem;
    this.drafts.draw();
  }
}

const pick = change => (change ? { name: change.name, priority: change.priority, geometry: change.geometry } : {});
