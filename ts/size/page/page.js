// Draws the map and the table of the page that `flavor size --html` writes, and lets people walk through the package.
// Rectangles have areas in proportion to stored bytes (squarified treemap). Names are only ever set as text.

(() => {
  /** Levels of rectangles below the place. */
  const DEPTH = 4;
  const COLORS = 8;
  const LABEL = 19;
  /** A rectangle with a smaller side shows nothing inside. */
  const SIDE = 26;
  /** Pixels; less cannot be seen. */
  const VISIBLE = 9;

  const root = JSON.parse(document.getElementById('data').textContent);
  const map = document.getElementById('map');
  const about = document.getElementById('about');
  const body = document.querySelector('#parts tbody');
  const trail = document.getElementById('place');
  /** Rows from the package down to where we are. */
  let place = [root];

  const here = () => place[place.length - 1];
  const opens = (row) => (row.children ?? []).length > 0;

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function size(bytes) {
    const units = ['B', 'kB', 'MB', 'GB'];
    let value = bytes;
    let unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
      value /= 1000;
      unit += 1;
    }
    return `${unit === 0 ? value : value.toFixed(1)}\u00a0${units[unit]}`;
  }

  function share(row) {
    return `${root.stored === 0 ? '0.0' : ((row.stored / root.stored) * 100).toFixed(1)}\u00a0%`;
  }

  function summary(row) {
    const files = row.files === 0 ? '' : `, ${row.files.toLocaleString('en')} file${row.files === 1 ? '' : 's'}`;
    const unpacked = row.unpacked === 0 ? '' : `, unpacked ${size(row.unpacked)}`;
    return `${row.name}: ${size(row.stored)}, ${share(row)} of the package${unpacked}${files}`;
  }

  /** How far the worst rectangle of a strip is from a square. */
  function worst(areas, side) {
    const sum = areas.reduce((total, area) => total + area, 0);
    const [largest, smallest] = [Math.max(...areas), Math.min(...areas)];
    return Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * smallest));
  }

  /** Areas of the first rows, as many as make a good strip along a side. */
  function strip(rows, side, scale) {
    let areas = [];
    for (const row of rows) {
      const more = [...areas, row.stored * scale];
      if (areas.length > 0 && worst(more, side) > worst(areas, side)) break;
      areas = more;
    }
    return areas;
  }

  /** A strip at the beginning of a box, and the box that is left. */
  function laid(rows, areas, { x, y, width, height }) {
    const isUpright = width >= height;
    const thickness = areas.reduce((sum, area) => sum + area, 0) / (isUpright ? height : width);
    let along = 0;
    const placed = areas.map((area, position) => {
      const length = area / thickness;
      const at = along;
      along += length;
      return isUpright
        ? { row: rows[position], x, y: y + at, width: thickness, height: length }
        : { row: rows[position], x: x + at, y, width: length, height: thickness };
    });
    const rest = isUpright
      ? { x: x + thickness, y, width: width - thickness, height }
      : { x, y: y + thickness, width, height: height - thickness };
    return [placed, rest];
  }

  /** Rectangles of rows, which are sorted by size, in a box: strips of them along its shorter side. */
  function squarified(rows, box) {
    let left = rows.filter((row) => row.stored > 0);
    const total = left.reduce((sum, row) => sum + row.stored, 0);
    const scale = (box.width * box.height) / total;
    const all = [];
    let rest = box;
    while (left.length > 0 && rest.width > 0 && rest.height > 0) {
      const areas = strip(left, Math.min(rest.width, rest.height), scale);
      const [placed, smaller] = laid(left, areas, rest);
      all.push(...placed);
      left = left.slice(areas.length);
      rest = smaller;
    }
    return all;
  }

  function positioned(node, { x, y, width, height }) {
    node.style.left = `${x}px`;
    node.style.top = `${y}px`;
    node.style.width = `${width}px`;
    node.style.height = `${height}px`;
  }

  function labelled(node, row, { width, height }) {
    if (width < 34 || height < LABEL) return false;
    const label = element('span', 'label', row.name);
    if (width > 110) label.append(' ', element('span', '', size(row.stored)));
    node.append(label);
    return true;
  }

  function colored(node, position) {
    node.style.setProperty('--fill', `var(--c${position % COLORS})`);
  }

  /** What is in a row, drawn into its rectangle. Only the rectangles of the first level can be reached by keys. */
  function inside(node, row, box, depth, path) {
    const hasLabel = node.querySelector(':scope > .label') !== null;
    const frame = {
      x: 3,
      y: hasLabel ? LABEL : 3,
      width: box.width - 6,
      height: box.height - (hasLabel ? LABEL : 3) - 3,
    };
    if (depth === 0 || !opens(row) || frame.width < SIDE || frame.height < SIDE) return;
    for (const part of squarified(row.children, frame)) {
      if (part.width * part.height < VISIBLE) continue;
      const child = element('span', 'part');
      child.setAttribute('aria-hidden', 'true');
      positioned(child, part);
      labelled(child, part.row, part);
      const way = [...path, part.row];
      child.addEventListener('click', (event) => {
        event.stopPropagation();
        go(opens(part.row) ? way : path);
      });
      child.addEventListener('pointerover', (event) => {
        event.stopPropagation();
        about.textContent = summary(part.row);
      });
      inside(child, part.row, part, depth - 1, way);
      node.append(child);
    }
  }

  function drawMap() {
    const box = { x: 0, y: 0, width: map.clientWidth, height: map.clientHeight };
    const rows = opens(here()) ? here().children : [here()];
    const nodes = squarified(rows, box).map((part, position) => {
      const node = element('button', 'part');
      node.type = 'button';
      node.tabIndex = position === 0 ? 0 : -1;
      node.setAttribute('aria-label', `${summary(part.row)}${opens(part.row) ? ', opens' : ''}`);
      if (opens(part.row)) node.dataset.opens = '';
      node.dataset.stored = String(part.row.stored);
      positioned(node, part);
      colored(node, rows.indexOf(part.row));
      labelled(node, part.row, part);
      const way = [...place, part.row];
      if (opens(part.row)) node.addEventListener('click', () => go(way));
      const tell = () => {
        about.textContent = summary(part.row);
      };
      node.addEventListener('pointerover', tell);
      node.addEventListener('focus', tell);
      inside(node, part.row, part, DEPTH - 1, way);
      return node;
    });
    map.replaceChildren(...nodes);
  }

  function drawTable() {
    const rows = opens(here()) ? here().children : [here()];
    body.replaceChildren(
      ...rows.map((row, position) => {
        const line = element('tr');
        const name = element('th');
        name.scope = 'row';
        const swatch = element('span', 'swatch');
        colored(swatch, position);
        name.append(swatch);
        if (opens(row) && row !== here()) {
          const link = element('button', 'link', row.name);
          link.type = 'button';
          link.addEventListener('click', () => go([...place, row], body));
          name.append(link);
        } else {
          name.append(element('bdi', '', row.name));
        }
        line.append(name);
        const numbers = [size(row.stored), share(row), row.unpacked === 0 ? '' : size(row.unpacked)];
        for (const text of [...numbers, row.files === 0 ? '' : row.files.toLocaleString('en')]) {
          line.append(element('td', 'number', text));
        }
        return line;
      }),
    );
  }

  function drawTrail() {
    trail.replaceChildren(
      ...place.map((row, position) => {
        const item = element('li');
        if (position === place.length - 1) {
          const current = element('bdi', '', row.name);
          current.setAttribute('aria-current', 'location');
          item.append(current);
        } else {
          const link = element('button', 'link', row.name);
          link.type = 'button';
          link.addEventListener('click', () => go(place.slice(0, position + 1)));
          item.append(link);
        }
        return item;
      }),
    );
  }

  /** Shows another place. The focus goes to what corresponds to where it was. */
  function go(way, focus = map) {
    place = way;
    drawTrail();
    drawTable();
    drawMap();
    about.textContent = summary(here());
    (focus.querySelector('button') ?? map.querySelector('button'))?.focus({ preventScroll: true });
  }

  /** One level up, to the rectangle that was opened. */
  function back() {
    const left = here();
    go(place.slice(0, -1));
    const nodes = [...map.children];
    const node =
      nodes[
        here()
          .children.filter((row) => row.stored > 0)
          .indexOf(left)
      ];
    for (const other of nodes) other.tabIndex = other === node ? 0 : -1;
    node?.focus({ preventScroll: true });
  }

  map.addEventListener('keydown', (event) => {
    const nodes = [...map.children];
    const at = nodes.indexOf(document.activeElement);
    const last = nodes.length - 1;
    const steps = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last };
    if (event.key === 'Escape' || event.key === 'Backspace') {
      if (place.length > 1) back();
    } else if (event.key in steps && at >= 0) {
      const next = nodes[Math.min(Math.max(steps[event.key], 0), last)];
      nodes[at].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    } else return;
    event.preventDefault();
  });
  map.addEventListener('pointerleave', () => {
    about.textContent = summary(here());
  });
  new ResizeObserver(() => drawMap()).observe(map);
  drawTrail();
  drawTable();
  about.textContent = summary(here());
})();
