// A map of places on a canvas: land, and a dot for each place. Drag to move, wheel or buttons to zoom, click a dot.
//
// The land is projected once into a path, and each frame draws that path with a transform. So a frame costs the same
// at each zoom, and five hundred dots move smoothly. The list beside a map says the same in text.

import { html, useEffect, useRef } from "../shell/view.mjs";
import { words } from "../shell/language.mjs";
import { geoMercator, geoPath } from "../third_party/d3-geo.mjs";
import feature from "../third_party/topojson/feature.js";

const t = words({
  closer: ["Zoom in", "放大"],
  wider: ["Zoom out", "缩小"],
  whole: ["Show all", "显示全部"],
});

const MARGIN = 28; // CSS pixels around the outermost dots
const BUTTONS = 48; // on the right, where no dot is put
const SCALE_MAX = 3_000; // of the projection, about 13 degrees over the map: a coast still says where a few near shops are
const ZOOM_MAX = 256;
const NAMED_MAX = 40; // more names than this would lie on each other
const REACH = 16; // how near a press must be to a dot
const TONES = ["still", "good", "warn", "bad"]; // drawn in this order, so that trouble lies on top

const land = fetch(new URL("../third_party/land.json", import.meta.url))
  .then((response) => response.json())
  .then((topology) => feature(topology, topology.objects.land));

/** `places`: `{id, name, lat, lon, tone}` with `tone` still, good, warn or bad. `choose(id)`: a dot was pressed. */
export default function Map({ label, places, choose }) {
  const holder = useRef(null), chart = useRef(null);
  useEffect(() => {
    const made = new Chart(holder.current.querySelector("canvas"), holder.current.querySelector("output"));
    chart.current = made;
    land.then((shape) => made.setLand(shape));
    return () => made.end();
  }, []);
  useEffect(() => chart.current.setPlaces(places, choose));
  const press = (action) => () => chart.current[action]();
  return html`<div class="map" ref=${holder}>
    <canvas role="img" aria-label=${label} tabindex="0"></canvas>
    <output class="map-note" hidden></output>
    <div class="map-buttons">
      <button type="button" class="secondary" aria-label=${t("closer")} title=${t("closer")} onClick=${press("closer")}>+</button>
      <button type="button" class="secondary" aria-label=${t("wider")} title=${t("wider")} onClick=${press("wider")}>−</button>
      <button type="button" class="secondary" aria-label=${t("whole")} title=${t("whole")} onClick=${press("whole")}>⤢</button>
    </div>
  </div>`;
}

/** Draws one map, and moves it. Nothing of it is state of the page. */
class Chart {
  constructor(canvas, note) {
    this.canvas = canvas;
    this.note = note;
    this.pen = canvas.getContext("2d");
    this.places = [];
    this.view = { zoom: 1, x: 0, y: 0 };
    this.ending = new AbortController();
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(canvas);
    this.theming = new MutationObserver(() => this.paint());
    this.theming.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint(), this.listening());
    this.listen();
  }

  listening(more) {
    return { signal: this.ending.signal, ...more };
  }

  end() {
    this.ending.abort();
    this.resizing.disconnect();
    this.theming.disconnect();
    cancelAnimationFrame(this.frame);
  }

  setLand(shape) {
    this.shape = shape;
    this.project();
  }

  setPlaces(places, choose) {
    this.choose = choose;
    const found = places.filter((place) => place.lat !== null && place.lon !== null);
    const where = JSON.stringify(found.map((place) => [place.lat, place.lon]));
    this.places = found;
    if (where !== this.where) {
      this.where = where;
      this.project();
    } else this.place();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth || (clientWidth === this.width && clientHeight === this.height)) return;
    [this.width, this.height] = [clientWidth, clientHeight];
    const density = devicePixelRatio || 1;
    [this.canvas.width, this.canvas.height] = [clientWidth * density, clientHeight * density];
    this.project();
  }

  /** Fit the projection to the places, and project the land and the places once. */
  project() {
    if (!this.width) return;
    const projection = geoMercator();
    const whole = this.places.length ? { type: "MultiPoint", coordinates: this.places.map((one) => [one.lon, one.lat]) } : this.shape;
    if (!whole) return;
    const margin = Math.min(MARGIN, this.width / 4, this.height / 4);
    const corners = [[margin, margin], [this.width - margin - BUTTONS, this.height - margin]];
    projection.fitExtent(corners, whole);
    if (!(projection.scale() <= SCALE_MAX)) centre(projection, this.places, this.width, this.height);
    this.projection = projection;
    this.path = this.shape ? new Path2D(geoPath(projection)(this.shape)) : null;
    this.view = { zoom: 1, x: 0, y: 0 };
    this.place();
  }

  place() {
    if (!this.projection) return;
    for (const one of this.places) [one.x, one.y] = this.projection([one.lon, one.lat]);
    this.dots = TONES.map((tone) => [tone, this.places.filter((one) => one.tone === tone)]);
    this.paint();
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    if (!this.projection) return;
    const { pen, view } = this, density = devicePixelRatio || 1, style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.path) {
      pen.setTransform(density * view.zoom, 0, 0, density * view.zoom, density * view.x, density * view.y);
      pen.fillStyle = colour("--map-land");
      pen.fill(this.path);
    }
    pen.setTransform(density, 0, 0, density, 0, 0);
    pen.lineWidth = 1.5;
    pen.strokeStyle = colour("--surface");
    for (const [tone, places] of this.dots) {
      const size = tone === "bad" ? 6.5 : 5;
      pen.fillStyle = colour(`--${tone === "still" ? "pico-muted-color" : tone}`);
      pen.beginPath(); // one path for all dots of a tone: a frame then costs a few calls, not two for each dot
      for (const one of places) {
        const x = one.x * view.zoom + view.x, y = one.y * view.zoom + view.y;
        if (x < -9 || y < -9 || x > this.width + 9 || y > this.height + 9) continue;
        pen.moveTo(x + size, y);
        pen.arc(x, y, size, 0, 2 * Math.PI);
      }
      pen.fill();
      pen.stroke();
    }
    this.name(colour("--pico-color"), colour("--map-land"), style.fontFamily);
  }

  /** The names of the places in view, if they are few. A name that would lie on another one is left out. */
  name(colour, halo, font) {
    const { pen, view } = this, taken = [];
    const seen = this.places.map((one) => ({ name: one.name, x: one.x * view.zoom + view.x, y: one.y * view.zoom + view.y }))
      .filter((one) => one.x > 0 && one.y > 0 && one.x < this.width && one.y < this.height);
    if (seen.length > NAMED_MAX) return;
    pen.font = `12px ${font}`;
    pen.textBaseline = "middle";
    pen.lineWidth = 3;
    [pen.fillStyle, pen.strokeStyle] = [colour, halo];
    for (const one of seen) {
      const width = pen.measureText(one.name).width, x = one.x + 12 + width > this.width - BUTTONS ? one.x - 10 - width : one.x + 10;
      if (taken.some((other) => Math.abs(other.y - one.y) < 14 && x < other.end && x + width > other.x)) continue;
      taken.push({ x, end: x + width, y: one.y });
      pen.strokeText(one.name, x, one.y);
      pen.fillText(one.name, x, one.y);
    }
  }

  // ---- what the user does ----

  closer = () => this.zoom(1.6, this.width / 2, this.height / 2);
  wider = () => this.zoom(1 / 1.6, this.width / 2, this.height / 2);

  whole() {
    this.view = { zoom: 1, x: 0, y: 0 };
    this.paint();
  }

  zoom(factor, x, y) {
    const zoom = Math.min(ZOOM_MAX, Math.max(0.25, this.view.zoom * factor));
    const ratio = zoom / this.view.zoom;
    this.view = { zoom, x: x - (x - this.view.x) * ratio, y: y - (y - this.view.y) * ratio };
    this.tell(null);
    this.paint();
  }

  move(x, y) {
    this.view = { ...this.view, x: this.view.x + x, y: this.view.y + y };
    this.tell(null);
    this.paint();
  }

  listen() {
    const { canvas } = this, on = (name, act, more) => canvas.addEventListener(name, act, this.listening(more));
    on("pointerdown", (event) => this.take(event));
    on("pointermove", (event) => this.drag(event));
    on("pointerup", (event) => this.drop(event));
    on("pointercancel", () => (this.held = null));
    on("pointerleave", () => this.tell(null));
    on("wheel", (event) => this.turn(event), { passive: false });
    on("keydown", (event) => this.press(event));
  }

  take(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.held = { x: event.clientX, y: event.clientY, isMoved: false };
  }

  drag(event) {
    const { held } = this;
    if (!held) return this.tell(this.near(event));
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    if (!held.isMoved && Math.hypot(x, y) < 4) return undefined;
    this.held = { x: event.clientX, y: event.clientY, isMoved: true };
    return this.move(x, y);
  }

  drop(event) {
    const { held } = this;
    this.held = null;
    const place = held && !held.isMoved ? this.near(event) : null;
    if (place) this.choose?.(place.id);
  }

  /** A wheel over the map moves the page, unless the map is in use: it has the focus, or the control key is down. */
  turn(event) {
    if (!event.ctrlKey && document.activeElement !== this.canvas) return;
    event.preventDefault();
    const box = this.canvas.getBoundingClientRect();
    this.zoom(2 ** (-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
  }

  press(event) {
    const act = {
      "+": () => this.closer(), "=": () => this.closer(), "-": () => this.wider(), 0: () => this.whole(),
      ArrowLeft: () => this.move(60, 0), ArrowRight: () => this.move(-60, 0),
      ArrowUp: () => this.move(0, 60), ArrowDown: () => this.move(0, -60),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  near(event) {
    const box = this.canvas.getBoundingClientRect(), { view } = this;
    const far = (one) => Math.hypot(one.x * view.zoom + view.x - (event.clientX - box.left), one.y * view.zoom + view.y - (event.clientY - box.top));
    let nearest = null, least = REACH;
    for (const one of this.places) if (far(one) < least) [nearest, least] = [one, far(one)];
    return nearest;
  }

  tell(place) {
    if (!place && this.note.hidden) return;
    this.note.hidden = !place;
    this.canvas.classList.toggle("over", Boolean(place));
    if (!place) return;
    this.note.textContent = place.note ?? place.name;
    const x = place.x * this.view.zoom + this.view.x;
    const isLeft = x < this.width / 2;
    this.note.style.left = isLeft ? `${Math.max(4, x + 12)}px` : "auto";
    this.note.style.right = isLeft ? "auto" : `${Math.max(4, this.width - x + 12)}px`;
    this.note.style.top = `${Math.max(4, place.y * this.view.zoom + this.view.y - 12)}px`;
  }
}

/** Places that are one place, or very near each other: the middle of them, at the largest scale. */
function centre(projection, places, width, height) {
  const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  projection.scale(SCALE_MAX).center([middle(places.map((one) => one.lon)), middle(places.map((one) => one.lat))]);
  projection.translate([width / 2, height / 2]);
}
