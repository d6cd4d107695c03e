// Coordinates as people write them: decimal (also with decimal commas), degrees-minutes-seconds, map links, Plus Codes.

const ALPHABET = '23456789CFGHJMPQRVWX';

// [lon, lat] inside the city's box wins; else latitude first, as maps and phones write it.
function ordered(a, b, box) {
  const [west, south, east, north] = box, inside = (lon, lat) => lon >= west && lon <= east && lat >= south && lat <= north;
  if (inside(b, a)) return { lon: b, lat: a };
  if (inside(a, b)) return { lon: a, lat: b };
  return Math.abs(a) <= 90 ? { lon: b, lat: a } : { lon: a, lat: b };
}

const sane = point => (point && Number.isFinite(point.lon) && Number.isFinite(point.lat) && Math.abs(point.lon) <= 180 && Math.abs(point.lat) <= 90 ? point : null);

function decimals(text, box) {
  const dotted = text.match(/^\s*[(@]?\s*([+-]?\d{1,3}(?:\.\d+)?)\s*°?\s*[,;\s/]\s*([+-]?\d{1,3}(?:\.\d+)?)\s*°?\s*\)?\s*$/);
  if (dotted) return ordered(Number(dotted[1]), Number(dotted[2]), box);
  const commas = text.match(/^\s*([+-]?\d{1,3},\d+)\s*[;\s/]\s*([+-]?\d{1,3},\d+)\s*$/) || text.match(/^\s*([+-]?\d{1,3},\d{3,})\s*,\s*([+-]?\d{1,3},\d{3,})\s*$/);
  return commas ? ordered(Number(commas[1].replace(',', '.')), Number(commas[2].replace(',', '.')), box) : null;
}

// 3°59'46"S 122°29'59"E, S 3 59 46 E 122 29 59, 3.9962 S 122.4998 E; LS, LU, BT, BB in Indonesian.
function sexagesimal(text) {
  const plain = text.toUpperCase().replace(/\bLS\b/g, 'S').replace(/\bLU\b/g, 'N').replace(/\bBT\b/g, 'E').replace(/\bBB\b/g, 'W').replace(/,(?=\d)/g, '.').replace(/[°º′'’″"”,;]/g, ' ');
  const number = '(\\d{1,3}(?:\\.\\d+)?)(?:\\s+(\\d{1,2}(?:\\.\\d+)?))?(?:\\s+(\\d{1,2}(?:\\.\\d+)?))?';
  const after = plain.match(new RegExp('^\\s*' + number + '\\s*([NSEW])\\s+' + number + '\\s*([NSEW])\\s*$'));
  const before = plain.match(new RegExp('^\\s*([NSEW])\\s*' + number + '\\s+([NSEW])\\s*' + number + '\\s*$'));
  const parts = after ? [[after[4], after[1], after[2], after[3]], [after[8], after[5], after[6], after[7]]]
    : before ? [[before[1], before[2], before[3], before[4]], [before[5], before[6], before[7], before[8]]] : null;
  if (!parts) return null;
  const point = {};
  for (const [hemisphere, d, m = 0, s = 0] of parts) {
    if (m >= 60 || s >= 60) return null;
    const value = (Number(d) + Number(m) / 60 + Number(s) / 3600) * ('SW'.includes(hemisphere) ? -1 : 1);
    point['NS'.includes(hemisphere) ? 'lat' : 'lon'] = value;
  }
  return 'lat' in point && 'lon' in point ? point : null;
}

function decodePlus(code) {
  const digits = code.replace('+', '');
  let lat = -90, lon = -180, step = 20;
  for (let i = 0; i < Math.min(10, digits.length); i += 2) {
    lat += ALPHABET.indexOf(digits[i]) * step;
    lon += ALPHABET.indexOf(digits[i + 1]) * step;
    step /= 20;
  }
  step *= 20;
  let height = step, width = step;
  for (const digit of digits.slice(10)) {
    height /= 5; width /= 4;
    const at = ALPHABET.indexOf(digit);
    lat += Math.floor(at / 4) * height;
    lon += (at % 4) * width;
  }
  return { lon: lon + width / 2, lat: lat + height / 2 };
}

function encodePrefix(lon, lat, n) {
  let a = lat + 90, o = lon + 180, step = 20, code = '';
  for (let i = 0; i < n; i += 2) {
    code += ALPHABET[Math.floor(a / step)] + ALPHABET[Math.floor(o / step)];
    a %= step; o %= step; step /= 20;
  }
  return code;
}

// A short code (2G3X+4V) is completed near the city's centre.
function plusCode(text, [lon, lat]) {
  const found = text.toUpperCase().match(/(?:^|\s)([23456789CFGHJMPQRVWX]{2,8})\+([23456789CFGHJMPQRVWX]{2,5})(?=\s|$|,)/);
  if (!found || found[1].length % 2) return null;
  if (found[1].length === 8) return decodePlus(found[1] + found[2]);
  const missing = 8 - found[1].length, span = 20 ** (1 - missing / 2 + 1);
  const point = decodePlus(encodePrefix(lon, lat, missing) + found[1] + found[2]);
  if (point.lat - lat > span / 2) point.lat -= span; else if (lat - point.lat > span / 2) point.lat += span;
  if (point.lon - lon > span / 2) point.lon -= span; else if (lon - point.lon > span / 2) point.lon += span;
  return point;
}

function link(text) {
  const found = text.match(/[@=/:](-?\d{1,2}\.\d{3,}),\s*(-?\d{1,3}\.\d{3,})/) || text.match(/!3d(-?\d{1,2}\.\d+)!4d(-?\d{1,3}\.\d+)/);
  return found && /https?:|geo:|maps/.test(text) ? { lat: Number(found[1]), lon: Number(found[2]) } : null;
}

// Coordinates at the beginning of a text and what follows them: {place, rest} or null. A link and a Plus Code are one
// word; of numbers as many as make sense together.
export function splitCoordinates(text, city) {
  const words = text.trim().split(/\s+/), cut = n => ({ place: words.slice(0, n).join(' '), rest: words.slice(n).join(' ') });
  if (link(words[0]) || plusCode(words[0], city.center)) return cut(1);
  for (let n = words.length; n; n--) if (readCoordinates(words.slice(0, n).join(' '), city)) return cut(n);
  return null;
}

// Returns {lon, lat, accuracy_m, method} or null. `city` has bbox [w, s, e, n] and center [lon, lat].
export function readCoordinates(text, city) {
  const point = sane(decimals(text, city.bbox) || sexagesimal(text) || link(text));
  if (point) return { ...point, accuracy_m: 25, method: 'gps' };
  const plus = sane(plusCode(text, city.center));
  return plus ? { ...plus, accuracy_m: 15, method: 'gps' } : null;
}
