// Symbols: colour says the service, shape says the status, a letter repeats the service, size says the severity.

const { svg } = await import('./dom.js' + new URL(import.meta.url).search);

const SHAPE = {
  draft: 'circle', verified: 'circle', dispatched: 'circle', acknowledged: 'ring', in_progress: 'square', under_control: 'diamond',
  resolved: 'dot', closed: 'dot', cancelled: 'dot', unfounded: 'dot', merged: 'dot', handed_off: 'dot',
};
const RADIUS = { 1: 12, 2: 10.5, 3: 9.5, 4: 8.5 };

export const shapeOf = row => SHAPE[row.status] || 'circle';
export const radiusOf = row => RADIUS[row.severity] || 9.5;
export const colourVariable = service => '--sv-' + (service || 'none').replace(/_/g, '-');

// Points of a shape around (x, y); null for the round ones.
function corners(shape, x, y, r) {
  if (shape === 'square') { const s = r * 0.88; return [[x - s, y - s], [x + s, y - s], [x + s, y + s], [x - s, y + s]]; }
  if (shape === 'diamond') { const s = r * 1.15; return [[x, y - s], [x + s, y], [x, y + s], [x - s, y]]; }
  return null;
}

export function symbol(row, letter, size = 28) {
  const shape = shapeOf(row), middle = size / 2, r = Math.min(radiusOf(row), middle - 2);
  const points = corners(shape, middle, middle, r);
  const attributes = { class: 'sg-shape sg-shape-' + shape, style: 'fill:var(' + colourVariable(row.service) + ',var(--sv-none))' };
  const body = points
    ? svg('polygon', { ...attributes, points: points.map(p => p.join(',')).join(' '), 'stroke-linejoin': 'round' })
    : svg('circle', { ...attributes, cx: middle, cy: middle, r: shape === 'dot' ? r * 0.5 : r });
  const parts = [body];
  if (shape === 'ring') parts.push(svg('circle', { class: 'sg-shape-inner', cx: middle, cy: middle, r: r - 2.6 }));
  if (shape !== 'dot') parts.push(svg('text', { class: 'sg-shape-letter', x: middle, y: middle + 0.5, text: letter, 'font-size': Math.round(r * 1.05) }));
  return svg('svg', { class: 'sg-symbol', width: size, height: size, viewBox: '0 0 ' + size + ' ' + size, 'aria-hidden': 'true' }, parts);
}

// The same on a canvas, for thousands. A drill is an outline in dashes: nothing is filled with a service's colour.
export function paint(context, row, x, y, colours) {
  const shape = shapeOf(row), r = radiusOf(row) * 0.62, points = corners(shape, x, y, r);
  context.beginPath();
  if (points) { points.forEach(([px, py], i) => (i ? context.lineTo(px, py) : context.moveTo(px, py))); context.closePath(); }
  else context.arc(x, y, shape === 'dot' ? r * 0.55 : r, 0, 2 * Math.PI);
  if (row.isDrill) { context.fillStyle = colours.ground; context.fill(); context.setLineDash([2, 2]); context.lineWidth = 1.6; context.strokeStyle = colours.drill; context.stroke(); context.setLineDash([]); return; }
  context.fillStyle = colours[row.service] || colours.none;
  context.fill();
  context.lineWidth = row.isWaiting ? 1.8 : 1;
  context.strokeStyle = row.isWaiting ? colours.waiting : colours.edge;
  context.stroke();
}
