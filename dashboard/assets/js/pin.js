// The point of the report being written: a dashed pin to drag, with its disc of doubt.

const { el } = await import('./dom.js' + new URL(import.meta.url).search);

export class Pin {
  constructor(map, ui, onMove) { Object.assign(this, { map, ui, onMove }); }

  update(draft) {
    if (draft.lon === undefined) { this.remove(); return; }
    const at = [draft.lat, draft.lon];
    if (!this.pin) {
      const icon = L.divIcon({ className: 'sg-pin-frame', html: el('div', { class: 'sg-pin' }), iconSize: [34, 34] });
      this.pin = L.marker(at, { icon, draggable: true, keyboard: false, zIndexOffset: 9000, alt: this.ui.words.t('new_point') }).addTo(this.map);
      this.pin.on('drag', () => this.disc.setLatLng(this.pin.getLatLng()));
      this.pin.on('dragend', () => { const p = this.pin.getLatLng(); this.onMove(p.lat, p.lng); });
      this.disc = L.circle(at, { radius: 25, className: 'sg-pin-disc', interactive: false, renderer: this.renderer ||= L.svg({ padding: 0.3 }) }).addTo(this.map);
    }
    this.pin.setLatLng(at);
    this.disc.setLatLng(at).setRadius(draft.accuracy_m || 25);
  }

  remove() { if (this.pin) { this.pin.remove(); this.disc.remove(); this.pin = this.disc = null; } }
}
