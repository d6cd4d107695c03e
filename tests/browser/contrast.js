// Texts in sight whose contrast with what lies behind them is below WCAG 2.1 AA: 4.5, for large text 3.
// Colours are read back from a canvas, so that every notation of CSS is understood.
(roots) => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = colour => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const luminance = colour => {
    const [r, g, b] = colour.slice(0, 3).map(v => v / 255).map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const isFilled = node => node.matches('input, textarea, select') && (node.value || node.placeholder);
  const behind = node => {
    const layers = [];
    for (let each = node; each; each = each.parentElement) {
      const layer = rgba(getComputedStyle(each).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    const ground = rgba(getComputedStyle(document.querySelector('.stApp') || document.body).backgroundColor);
    return layers.reverse().reduce((below, layer) => over(layer, below), ground);
  };
  const opacity = node => { let all = 1; for (let each = node; each; each = each.parentElement) all *= Number(getComputedStyle(each).opacity); return all; };
  const bad = [];
  let n = 0;
  for (const node of document.querySelectorAll(roots)) {
    const words = [...node.childNodes].filter(each => each.nodeType === 3).map(each => each.textContent.trim()).join(' ').trim();
    if (!words && !isFilled(node)) continue;
    if (!node.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (node.closest(':disabled, [aria-disabled="true"], [aria-hidden="true"], canvas, svg, style, script, input[type=range], [data-testid="stSlider"] [style*="position"]')) continue;
    const style = getComputedStyle(node), size = parseFloat(style.fontSize), isBold = Number(style.fontWeight) >= 700;
    const isPlaceholder = !words && !node.value;
    const ink = rgba(isPlaceholder ? getComputedStyle(node, '::placeholder').color : style.color);
    ink[3] *= opacity(node) * (isPlaceholder ? Number(getComputedStyle(node, '::placeholder').opacity) : 1);
    const ground = behind(node), [high, low] = [luminance(over(ink, ground)), luminance(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05), wanted = size >= 24 || (size >= 18.66 && isBold) ? 3 : 4.5;
    n += 1;
    if (ratio < wanted) bad.push(`${ratio.toFixed(2)} ${node.className || node.tagName}: ${(words || node.value || node.placeholder).slice(0, 40)}`);
  }
  return { n, bad };
}
