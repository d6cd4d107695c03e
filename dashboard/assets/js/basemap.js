// Basemap: reads our own vector tiles (MVT) and draws them on canvas tiles; names go on one canvas above.
// Classic script, loaded by Folium's map: defines window.siagaBasemap(map, options).
(function () {
  'use strict';

  const THEMES = {
    light: {
      water: '#c9dae5', land: '#f3f1ec', built: '#e9e6df', park: '#dde8d6', wood: '#d3e0cb', farm: '#eceede', sand: '#efe9d8',
      industry: '#e6e2e2', building: '#dbd6cd', shore: '#a9c1d0',
      road: ['#ffffff', '#f7d9a0', '#f9e6bd', '#ffffff', '#ffffff', '#ffffff', '#fdfcfa', '#e3ddd3'],
      casing: ['', '#cfa45f', '#d3b67d', '#c6beb1', '#cdc6ba', '#d6d0c5', '#ddd8ce', ''],
      district: '#8a7f96', village: '#aaa3b0', ink: '#2b323a', soft: '#5c6670', waterInk: '#3f6b86', halo: 'rgba(250,249,246,.88)',
    },
    night: {
      water: '#0b131c', land: '#19212b', built: '#1f2833', park: '#1a2a26', wood: '#182823', farm: '#1c2529', sand: '#27272a',
      industry: '#22262f', building: '#2a343f', shore: '#24384a',
      road: ['#3b4753', '#6d5b3c', '#564d3c', '#46525f', '#3f4a56', '#36414c', '#303a45', '#29323c'],
      casing: ['', '#0d1319', '#0d1319', '#10171e', '#10171e', '#121920', '#141b23', ''],
      district: '#77718c', village: '#4f5766', ink: '#d4dde6', soft: '#8e9baa', waterInk: '#5f8fb0', halo: 'rgba(13,19,26,.86)',
    },
  };
  const FILL = {
    land: 'land', water: 'water', built: 'built', residential: 'built', commercial: 'built', park: 'park', grass: 'park', cemetery: 'park',
    meadow: 'park', wood: 'wood', forest: 'wood', scrub: 'wood', mangrove: 'wood', farm: 'farm', farmland: 'farm', sand: 'sand', beach: 'sand',
    industry: 'industry', industrial: 'industry', port: 'industry', airport: 'industry', building: 'building',
  };
  // Line width in pixels at zoom 11 and 17, by rank (1 = main road).
  const WIDTH = [[1, 6], [1.7, 10], [1.4, 8], [1, 7], [0.8, 6], [0.45, 4.6], [0.3, 3.4], [0.2, 1.8]];
  const between = (low, high, share) => low + (high - low) * Math.max(0, Math.min(1, share));
  const roadWidth = (rank, zoom) => between(...WIDTH[rank], (zoom - 11) / 6) * (zoom > 17 ? 1.25 : 1);
  const rankOf = properties => Math.max(0, Math.min(7, Number(properties.rank ?? 5)));
  const palette = () => THEMES[document.documentElement.dataset.siaga === 'night' ? 'night' : 'light'];

  // Mapbox Vector Tile 2.1, as much of it as ST_AsMVT writes: layers, scalar tags, lines and polygons.
  class Tile {
    constructor(buffer) {
      this.bytes = new Uint8Array(buffer);
      this.view = new DataView(buffer);
      this.at = 0;
      this.text = new TextDecoder();
      this.layers = {};
      this.message(this.bytes.length, field => field === 3 && this.readLayer());
    }

    int() {
      let result = 0, scale = 1, byte;
      do { byte = this.bytes[this.at++]; result += (byte & 127) * scale; scale *= 128; } while (byte & 128);
      return result;
    }

    signed() { const n = this.int(); return n % 2 ? -(n + 1) / 2 : n / 2; }

    string() { const size = this.int(); this.at += size; return this.text.decode(this.bytes.subarray(this.at - size, this.at)); }

    message(end, read) {
      while (this.at < end) {
        const tag = this.int(), start = this.at;
        if (read(tag >> 3) !== false) continue;
        this.at = start;
        const wire = tag & 7;
        if (wire === 0) this.int(); else if (wire === 1) this.at += 8; else if (wire === 2) this.at += this.int(); else this.at += 4;
      }
    }

    readValue() {
      let value;
      this.message(this.int() + this.at, field => {
        if (field === 1) value = this.string();
        else if (field === 2) { value = this.view.getFloat32(this.at, true); this.at += 4; }
        else if (field === 3) { value = this.view.getFloat64(this.at, true); this.at += 8; }
        else if (field === 6) value = this.signed();
        else value = this.int();
      });
      return value;
    }

    readLayer() {
      const layer = { name: '', extent: 4096, keys: [], values: [], features: [] };
      this.message(this.int() + this.at, field => {
        if (field === 1) layer.name = this.string();
        else if (field === 5) layer.extent = this.int();
        else if (field === 3) layer.keys.push(this.string());
        else if (field === 4) layer.values.push(this.readValue());
        else if (field === 2) layer.features.push(this.readFeature());
        else return false;
      });
      for (const feature of layer.features) {
        for (let i = 0; i < feature.tags.length; i += 2) feature.properties[layer.keys[feature.tags[i]]] = layer.values[feature.tags[i + 1]];
      }
      this.layers[layer.name] = layer;
    }

    readFeature() {
      const feature = { tags: [], properties: {}, start: 0, end: 0 };
      this.message(this.int() + this.at, field => {
        if (field === 2) { const end = this.int() + this.at; while (this.at < end) feature.tags.push(this.int()); }
        else if (field === 4) { const size = this.int(); feature.start = this.at; feature.end = this.at += size; }
        else return false;
      });
      return feature;
    }

    trace(context, feature, scale) {
      this.at = feature.start;
      let x = 0, y = 0;
      while (this.at < feature.end) {
        const head = this.int(), command = head & 7;
        let count = head >> 3;
        if (command === 7) { context.closePath(); continue; }
        while (count--) {
          x += this.signed(); y += this.signed();
          if (command === 1) context.moveTo(x * scale, y * scale); else context.lineTo(x * scale, y * scale);
        }
      }
    }
  }

  function drawTile(canvas, tile, zoom, ratio) {
    const context = canvas.getContext('2d'), colours = palette(), size = canvas.width;
    context.clearRect(0, 0, size, size);
    context.lineCap = context.lineJoin = 'round';
    const each = (name, draw) => {
      const layer = tile.layers[name];
      if (layer) for (const feature of layer.features) draw(feature, size / layer.extent);
    };
    const order = { land: 0, built: 1, water: 3 };
    const areas = (tile.layers.area?.features || []).slice().sort((a, b) => (order[a.properties.kind] ?? 2) - (order[b.properties.kind] ?? 2));
    const areaScale = size / (tile.layers.area?.extent || 4096);
    for (const feature of areas) {
      context.beginPath();
      tile.trace(context, feature, areaScale);
      context.fillStyle = colours[FILL[feature.properties.kind] || 'built'];
      context.fill('evenodd');
      if (feature.properties.kind === 'water') { context.strokeStyle = colours.shore; context.lineWidth = ratio * 0.8; context.stroke(); }
    }
    const roads = [];
    each('line', (feature, scale) => {
      if (feature.properties.kind === 'road') { roads.push([rankOf(feature.properties), feature, scale]); return; }
      const isDistrict = feature.properties.kind === 'boundary' && Number(feature.properties.rank ?? 3) <= 2;
      if (!isDistrict && zoom < 12) return;
      context.beginPath();
      tile.trace(context, feature, scale);
      context.strokeStyle = isDistrict ? colours.district : colours.village;
      context.lineWidth = (isDistrict ? 1.5 : 0.9) * ratio;
      context.setLineDash(isDistrict ? [7 * ratio, 3 * ratio, 1.5 * ratio, 3 * ratio] : [3 * ratio, 3 * ratio]);
      context.stroke();
      context.setLineDash([]);
    });
    roads.sort((a, b) => b[0] - a[0]);
    for (const isCasing of zoom >= 13 ? [true, false] : [false]) {
      for (const [rank, feature, scale] of roads) {
        const colour = isCasing ? colours.casing[rank] : colours.road[rank];
        if (!colour || (isCasing && rank >= 5 && zoom < 15)) continue;
        context.beginPath();
        tile.trace(context, feature, scale);
        context.strokeStyle = colour;
        context.lineWidth = (roadWidth(rank, zoom) + (isCasing ? 1.5 : 0)) * ratio;
        context.stroke();
      }
    }
  }

  const tileLayer = () => L.GridLayer.extend({
    createTile(at, done) {
      const size = this.getTileSize().x, ratio = Math.min(window.devicePixelRatio || 1, 2);
      const canvas = L.DomUtil.create('canvas', 'leaflet-tile');
      canvas.width = canvas.height = size * ratio;
      this.fetchTile(at, canvas, ratio).then(() => done(null, canvas), error => { this.missing = true; done(error, canvas); });
      return canvas;
    },
    async fetchTile(at, canvas, ratio) {
      const answer = await fetch('/api/tiles/' + at.z + '/' + at.x + '/' + at.y);
      if (answer.status === 204 || answer.status === 404) return;
      if (!answer.ok) throw new Error(answer.status);
      canvas.siaga = { tile: new Tile(await answer.arrayBuffer()), zoom: at.z, ratio };
      this.paint(canvas);
    },
    paint(canvas) { const { tile, zoom, ratio } = canvas.siaga; drawTile(canvas, tile, zoom, ratio); },
    repaint() { for (const { el } of Object.values(this._tiles)) if (el.siaga) this.paint(el); },
    reloadMissing() { if (this.missing) { this.missing = false; this.redraw(); } },
  });

  const LABEL = {
    district: { size: 13, weight: 650, spacing: '0.09em', upper: true, colour: 'soft' },
    village: { size: 12, weight: 600, colour: 'ink' },
    water: { size: 12.5, weight: 500, style: 'italic', colour: 'waterInk' },
    road: { size: 10.5, weight: 450, colour: 'soft' },
    place: { size: 11, weight: 500, colour: 'soft', dot: true },
    city: { size: 17, weight: 700, colour: 'ink' },
  };
  const LABEL_OF = { kecamatan: 'district', district: 'district', kelurahan: 'village', village: 'village', water: 'water', bay: 'water', road: 'road', city: 'city' };

  const labelLayer = () => L.Layer.extend({
    initialize(rows) { this.rows = rows.slice().sort((a, b) => a[4] - b[4]); },
    onAdd(map) {
      this.canvas = L.DomUtil.create('canvas', 'leaflet-zoom-hide', map.getPane('siagaNames'));
      map.on('moveend zoomend resize viewreset', this.draw, this);
      this.draw();
    },
    onRemove(map) { this.canvas.remove(); map.off('moveend zoomend resize viewreset', this.draw, this); },
    draw() {
      const map = this._map;
      if (!map) return;
      const size = map.getSize(), ratio = window.devicePixelRatio || 1, zoom = map.getZoom(), colours = palette(), canvas = this.canvas;
      L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
      canvas.width = size.x * ratio; canvas.height = size.y * ratio;
      canvas.style.width = size.x + 'px'; canvas.style.height = size.y + 'px';
      const context = canvas.getContext('2d');
      context.scale(ratio, ratio);
      context.textAlign = 'center'; context.textBaseline = 'middle'; context.lineJoin = 'round';
      const font = getComputedStyle(map.getContainer()).fontFamily, taken = [], bounds = map.getBounds().pad(0.05);
      for (const [name, kind, lon, lat, from] of this.rows) {
        if (zoom < from || !bounds.contains([lat, lon])) continue;
        const look = LABEL[LABEL_OF[kind] || 'place'], at = map.latLngToContainerPoint([lat, lon]);
        const text = look.upper ? name.toUpperCase() : name;
        context.font = [look.style || 'normal', look.weight, look.size + 'px', font].join(' ');
        if ('letterSpacing' in context) context.letterSpacing = look.spacing || '0px';
        const half = context.measureText(text).width / 2 + 5, y = look.dot ? at.y - look.size * 0.85 : at.y;
        const box = [at.x - half, y - look.size * 0.85, at.x + half, y + look.size * (look.dot ? 1.3 : 0.85)];
        if (taken.some(other => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) continue;
        taken.push(box);
        context.lineWidth = 3.2; context.strokeStyle = colours.halo; context.strokeText(text, at.x, y);
        context.fillStyle = colours[look.colour]; context.fillText(text, at.x, y);
        if (look.dot) { context.beginPath(); context.arc(at.x, at.y, 2, 0, 7); context.fill(); }
      }
    },
  });

  window.siagaBasemap = function (map, options) {
    const container = map.getContainer();
    const tiles = new (tileLayer())({ minZoom: 8, maxZoom: 19, maxNativeZoom: 17, updateWhenZooming: false, keepBuffer: 3 }).addTo(map);
    if (map.attributionControl) map.attributionControl.setPrefix('Leaflet');
    const pane = map.createPane('siagaNames');
    pane.style.zIndex = 450;
    pane.style.pointerEvents = 'none';
    let names = null;
    const background = () => { container.style.background = palette().water; };
    const recolour = () => { background(); tiles.repaint(); if (names) names.draw(); };
    const mend = () => { tiles.reloadMissing(); if (!names) readNames(); };
    function readNames() {
      if (!options.names) return;
      fetch('/api/labels').then(answer => answer.json()).then(rows => { names = new (labelLayer())(rows).addTo(map); }).catch(() => {});
    }
    background();
    readNames();
    document.addEventListener('siaga:theme', recolour);
    document.addEventListener('siaga:back', mend);
    map.on('unload', () => { document.removeEventListener('siaga:theme', recolour); document.removeEventListener('siaga:back', mend); });
    return tiles;
  };
})();
