"use strict";
(() => {
  const graph = JSON.parse(document.getElementById("data").textContent);
  const { nodes, groups, steps } = graph;
  const $ = (id) => document.getElementById(id);
  const LINE = 14, PADDING = 8, HISTOGRAM = 20, GAP = 34, MARGIN = 24, READABLE = 0.85;

  // -- the sweeps: at which step each node gets its value, and its gradient ----------------------------------------
  const valueAt = new Map(), gradientAt = new Map();
  steps.forEach((step, at) => (step.sweep === "forward" ? valueAt : gradientAt).set(step.node, at + 1));
  const turn = steps.filter((step) => step.sweep === "forward").length;
  let now = 0; // how many steps have been done
  let kept = null; // the node whose details stay
  let timer = null;

  // -- folding: which group a node is shown in place of -------------------------------------------------------------
  const folded = new Set();
  const outerGroups = (group) => { const chain = []; while (group !== null) { chain.unshift(group); group = groups[group].parent; } return chain; };
  const members = groups.map(() => []);
  nodes.forEach((node, index) => outerGroups(node.group).forEach((group) => members[group].push(index)));
  // a parameter or constant that one folded group alone uses is folded with it
  const users = nodes.map(() => []);
  nodes.forEach((node, index) => node.inputs.forEach((input) => users[input.source].push(index)));
  const isOwned = (node, index) => (node.kind === "parameter" || node.kind === "constant") && users[index].length > 0 && !graph.results.includes(index);
  let places = []; // for each node the box that shows it: its own number, or `g` and that of a folded group
  const shownAs = (index) => places[index];
  function place() {
    places = nodes.map((node, index) => { const group = outerGroups(node.group).find((g) => folded.has(g)); return group === undefined ? index : `g${group}`; });
    if (!folded.size) return;
    nodes.forEach((node, index) => {
      if (places[index] !== index || !isOwned(node, index)) return;
      const first = places[users[index][0]];
      if (typeof first === "string" && users[index].every((user) => places[user] === first)) places[index] = first;
    });
  }
  const isHidden = (group) => outerGroups(groups[group].parent).some((g) => folded.has(g));

  // -- drawing ------------------------------------------------------------------------------------------------------
  const svg = (tag, attributes, parent, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };
  const rowsOf = (node) => {
    const rows = [{ role: "title", text: node.title }];
    const add = (role, summary, mark) => {
      summary.lines.forEach((line) => rows.push({ role, text: mark + line }));
      if (summary.histogram.length) rows.push({ role, histogram: summary.histogram });
    };
    if (node.value) { rows.push({ role: "aval", text: node.value.aval }); add("value", node.value, ""); }
    if (node.gradient) add("gradient", node.gradient, "∇ ");
    return rows;
  };
  const shortened = (text, width) => { const most = Math.floor((width - 2 * PADDING) / 6.3) + 1; return text.length <= most ? text : text.slice(0, most - 1) + "…"; };
  const heightOf = (rows) => rows.reduce((sum, row) => sum + (row.histogram ? HISTOGRAM : LINE), 2 * PADDING);

  const allRows = nodes.map(rowsOf), heights = allRows.map(heightOf);
  let boxes = new Map(), edges = []; // what is drawn now: by a node's number or `g` and a group's
  let size = { width: 0, height: 0 };

  function groupBox(group, inside) {
    const own = members[group].map((index) => nodes[index]);
    const left = Math.min(...own.map((n) => n.x)), right = Math.max(...own.map((n) => n.x + n.width));
    const layers = own.map((n) => n.layer).sort((a, b) => a - b);
    const rows = [{ role: "title", text: `▸ ${groups[group].name}` }, { role: "aval", text: `${inside.length} nodes` }];
    const width = Math.max(110, rows[0].text.length * 6.3 + 2 * PADDING);
    return { key: `g${group}`, group, inside, x: (left + right - width) / 2, width, layer: layers[layers.length >> 1], rows, height: heightOf(rows) };
  }

  function draw() {
    for (const id of ["frames", "edges", "boxes"]) $(id).replaceChildren();
    place();
    const inside = new Map(); // what each box stands for
    nodes.forEach((_, index) => { const key = shownAs(index); if (inside.has(key)) inside.get(key).push(index); else inside.set(key, [index]); });
    const shown = new Map();
    for (const [key, indices] of inside) {
      const node = nodes[key];
      shown.set(key, node ? { key, inside: indices, x: node.x, width: node.width, layer: node.layer, rows: allRows[key], height: heights[key] } : groupBox(Number(key.slice(1)), indices));
    }
    // a layer takes the room of what is shown in it, and none where nothing is
    const layerHeights = [];
    for (const box of shown.values()) layerHeights[box.layer] = Math.max(layerHeights[box.layer] || 0, box.height);
    const tops = []; let y = MARGIN;
    for (let layer = 0; layer < layerHeights.length; layer++) { tops[layer] = y; if (layerHeights[layer]) y += layerHeights[layer] + GAP; }
    size = { width: Math.max(...[...shown.values()].map((b) => b.x + b.width)) + MARGIN, height: y };
    boxes = new Map();
    for (const box of shown.values()) { box.y = tops[box.layer] + (layerHeights[box.layer] - box.height) / 2; boxes.set(box.key, box); }
    drawFrames();
    drawEdges(tops, layerHeights);
    for (const box of boxes.values()) drawBox(box);
    show();
  }

  function drawFrames() {
    const depths = groups.map(() => 0); // how many frames stand inside each other in it; an inner group comes after the outer
    for (let index = groups.length - 1; index >= 0; index--) {
      const parent = groups[index].parent;
      if (parent !== null && !folded.has(index) && members[index].length) depths[parent] = Math.max(depths[parent], depths[index] + 1);
    }
    groups.forEach((group, index) => {
      if (folded.has(index) || isHidden(index) || !members[index].length) return;
      const inside = [...new Set(members[index].map(shownAs))].map((key) => boxes.get(key));
      const margin = 6 + 6 * depths[index];
      const left = Math.min(...inside.map((b) => b.x)) - margin, top = Math.min(...inside.map((b) => b.y)) - margin - 8;
      const right = Math.max(...inside.map((b) => b.x + b.width)) + margin, bottom = Math.max(...inside.map((b) => b.y + b.height)) + margin;
      const isOdd = outerGroups(index).length % 2 === 0; // its name stands at the right, that of the frame around it at the left
      const frame = svg("g", { class: isOdd ? "frame odd" : "frame", "data-group": index }, $("frames"));
      svg("rect", { x: left, y: top, width: right - left, height: bottom - top, rx: 8 }, frame);
      const label = svg("text", { x: isOdd ? right - 6 : left + 6, y: top + 10 }, frame, `▾ ${group.name}`);
      label.addEventListener("click", () => { folded.add(index); draw(); });
      svg("title", {}, label, group.location);
    });
  }

  function drawEdges(tops, layerHeights) {
    edges = [];
    nodes.forEach((node, target) => node.inputs.forEach((input) => {
      const from = shownAs(input.source), to = shownAs(target);
      if (from === to) return;
      const source = boxes.get(from), end = boxes.get(to), asIs = to === target && from === input.source;
      const points = [[source.x + source.width / 2, source.y + source.height]];
      if (asIs) for (const [x, layer] of input.bends) if (layerHeights[layer]) points.push([x, tops[layer] + layerHeights[layer] / 2]);
      points.push([to === target ? input.end : end.x + end.width / 2, end.y]);
      const element = svg("g", { class: "edge", "data-source": input.source, "data-target": target }, $("edges"));
      const way = pathThrough(points);
      svg("path", { d: way, class: "wide" }, element);
      svg("path", { d: way, class: "line" }, element);
      hinted(element, () => edgeText(input, target));
      edges.push({ element, source: input.source, target, input });
    }));
  }

  function pathThrough([[x, y], ...rest]) {
    let path = `M${x} ${y}`;
    for (const [nextX, nextY] of rest) { const middle = (y + nextY) / 2; path += `C${x} ${middle} ${nextX} ${middle} ${nextX} ${nextY}`; [x, y] = [nextX, nextY]; }
    return path;
  }

  function drawBox(box) {
    const isGroup = box.group !== undefined, node = isGroup ? null : nodes[box.key];
    const element = svg("g", { class: `box ${isGroup ? "group" : node.kind}`, "data-key": box.key }, $("boxes"));
    const corner = isGroup || node.kind === "operation" || node.kind === "result" ? 3 : 10;
    svg("rect", { class: "body", x: box.x, y: box.y, width: box.width, height: box.height, rx: corner }, element);
    let y = box.y + PADDING;
    for (const row of box.rows) {
      if (row.histogram) {
        const bars = svg("g", { class: row.role }, element), most = Math.max(...row.histogram), step = (box.width - 4 * PADDING) / row.histogram.length;
        row.histogram.forEach((count, place) => {
          const height = ((HISTOGRAM - 4) * count) / most;
          svg("rect", { x: box.x + 2 * PADDING + place * step, y: y + HISTOGRAM - 2 - height, width: step * 0.85, height }, bars);
        });
        y += HISTOGRAM;
      } else {
        svg("text", { class: row.role, x: box.x + box.width / 2, y: y + LINE - 4 }, element, shortened(row.text, box.width));
        y += LINE;
      }
    }
    box.element = element;
    if (isGroup) {
      element.addEventListener("click", () => { folded.delete(box.group); draw(); });
      hinted(element, () => `${groups[box.group].name}: ${box.inside.length} nodes. Click to unfold.\n${groups[box.group].location}`);
    } else {
      element.addEventListener("click", () => { if (moved) return; kept = kept === box.key ? null : box.key; show(); });
      hinted(element, () => nodeText(node));
    }
  }

  // -- what is said -------------------------------------------------------------------------------------------------
  const calledOf = (node) => node.name || node.label;
  function nodeText(node) {
    const lines = [node.title + (node.operands.length ? `(${node.operands.join(", ")})` : "")];
    for (const [name, text] of Object.entries(node.params)) lines.push(`${name}=${text}`);
    if (node.value) lines.push(`value ${node.value.text}`);
    if (node.gradient) lines.push(`∇ ${node.gradient.text}`);
    if (node.location) lines.push(node.location);
    return lines.join("\n");
  }
  function edgeText(input, target) {
    const [from, to] = [calledOf(nodes[input.source]), calledOf(nodes[target])];
    const lines = [`${from} → ${to}`];
    if (input.local) lines.push(`local derivative ∂${to}/∂${from} = ${input.local.text}`);
    else if (input.product) lines.push(`local derivative ∂${to}/∂${from}: a Jacobian of ${nodes[target].value ? nodes[target].value.aval : "the results"} by ${nodes[input.source].value.aval}`);
    if (input.product) {
      const upstream = nodes[target].gradient ? nodes[target].gradient.text : "∇";
      lines.push(`chain rule: ∇${to} · ∂${to}/∂${from} = ${input.local ? `${upstream} · ${input.local.text} = ` : ""}${input.product.text}`);
    } else if (steps.length > turn) lines.push("nothing flows back here");
    return lines.join("\n");
  }
  function detail(index) {
    const place = $("detail"), node = nodes[index];
    place.replaceChildren();
    const heading = document.createElement("h2");
    heading.textContent = node.title;
    const list = document.createElement("dl");
    const add = (name, text, kind) => {
      if (!text) return;
      const term = document.createElement("dt"), entry = document.createElement("dd");
      term.textContent = name;
      if (kind === "program") { const pre = document.createElement("pre"); pre.textContent = text; entry.append(pre); } else { entry.textContent = text; if (kind) entry.className = kind; }
      list.append(term, entry);
    };
    add("kind", node.kind);
    add("operands", node.operands.join(", "));
    for (const [name, text] of Object.entries(node.params)) add(name, text);
    if (node.value) add(`value, ${node.value.aval}`, node.value.lines.join("\n"), "value");
    if (node.gradient) add("gradient", node.gradient.lines.join("\n"), "gradient");
    node.inputs.forEach((input) => add(`from ${calledOf(nodes[input.source])}`, edgeText(input, index).split("\n").slice(1).join("\n")));
    for (const [name, text] of Object.entries(node.programs)) add(name, text, "program");
    add("written at", node.location);
    place.append(heading, list);
  }

  const hint = $("hint");
  function hinted(element, text) {
    element.addEventListener("pointermove", (event) => {
      hint.textContent = text();
      hint.hidden = false;
      const width = hint.offsetWidth, height = hint.offsetHeight;
      hint.style.left = `${Math.min(event.clientX + 14, innerWidth - width - 8)}px`;
      hint.style.top = `${Math.min(event.clientY + 14, innerHeight - height - 8)}px`;
    });
    element.addEventListener("pointerleave", () => { hint.hidden = true; });
  }

  // -- stepping -----------------------------------------------------------------------------------------------------
  function show() {
    const step = now ? steps[now - 1] : null, back = step !== null && step.sweep === "backward";
    const isComputed = (index) => valueAt.get(index) <= now, isReached = (index) => gradientAt.has(index) && gradientAt.get(index) <= now;
    for (const box of boxes.values()) {
      const inside = box.inside, list = box.element.classList;
      list.toggle("computed", inside.every(isComputed));
      list.toggle("reached", inside.every(isReached));
      const current = step !== null && inside.includes(step.node);
      list.toggle("now", current);
      list.toggle("back", current && back);
      list.toggle("kept", kept !== null && inside.includes(kept));
    }
    for (const { element, target, input } of edges) {
      const current = step !== null && step.node === target;
      element.classList.toggle("computed", isComputed(target));
      element.classList.toggle("now", current && !back);
      element.classList.toggle("back", current && back && input.product !== null);
    }
    $("slider").value = now;
    $("count").textContent = `${now} / ${steps.length}`;
    $("sweep").textContent = step === null ? "Before the first step" : back ? "Backward" : "Forward";
    $("sweep").className = back ? "gradient" : "value";
    $("text").textContent = step === null ? "Press → or ▶ to compute the first value." : step.text;
    const shown = kept !== null ? kept : step === null ? null : step.node;
    if (shown === null) $("detail").replaceChildren(); else detail(shown);
  }
  function go(to) {
    now = Math.max(0, Math.min(steps.length, to));
    show();
    if (now) keepInView(boxes.get(shownAs(steps[now - 1].node)));
  }
  function play() {
    if (timer !== null) { clearInterval(timer); timer = null; $("play").textContent = "Play"; return; }
    if (now === steps.length) now = 0;
    $("play").textContent = "Stop";
    timer = setInterval(() => { go(now + 1); if (now === steps.length) play(); }, 600);
  }

  // -- the view -----------------------------------------------------------------------------------------------------
  const picture = $("picture");
  let view = { x: 0, y: 0, scale: 1 }, moved = false;
  const moveView = () => $("view").setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
  function fit() {
    const room = picture.getBoundingClientRect();
    view.scale = Math.min(1.4, Math.max(0.02, Math.min(room.width / size.width, room.height / size.height)));
    view.x = (room.width - size.width * view.scale) / 2;
    view.y = Math.max(0, (room.height - size.height * view.scale) / 2);
    moveView();
  }
  function zoom(factor, x, y) {
    const room = picture.getBoundingClientRect();
    const at = x === undefined ? [room.width / 2, room.height / 2] : [x - room.left, y - room.top];
    const scale = Math.min(4, Math.max(0.02, view.scale * factor));
    view.x = at[0] - ((at[0] - view.x) * scale) / view.scale;
    view.y = at[1] - ((at[1] - view.y) * scale) / view.scale;
    view.scale = scale;
    moveView();
  }
  function keepInView(box) {
    const room = picture.getBoundingClientRect();
    const left = box.x * view.scale + view.x, top = box.y * view.scale + view.y;
    const right = left + box.width * view.scale, bottom = top + box.height * view.scale;
    if (left < 0 || right > room.width) view.x += room.width / 2 - (left + right) / 2;
    if (top < 0 || bottom > room.height) view.y += room.height / 2 - (top + bottom) / 2;
    moveView();
  }
  picture.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY * 0.0015), event.clientX, event.clientY); }, { passive: false });
  picture.addEventListener("pointerdown", (event) => {
    moved = false;
    const start = { x: event.clientX - view.x, y: event.clientY - view.y };
    const move = (e) => {
      if (!moved && Math.hypot(e.clientX - event.clientX, e.clientY - event.clientY) < 4) return;
      moved = true; picture.classList.add("dragged");
      view.x = e.clientX - start.x; view.y = e.clientY - start.y; moveView();
    };
    const up = () => { removeEventListener("pointermove", move); removeEventListener("pointerup", up); picture.classList.remove("dragged"); };
    addEventListener("pointermove", move); addEventListener("pointerup", up);
  });

  // -- searching ----------------------------------------------------------------------------------------------------
  let matches = [], at = -1;
  function search(text) {
    const wanted = text.trim().toLowerCase();
    matches = wanted ? nodes.flatMap((node, index) => [node.title, ...outerGroups(node.group).map((g) => groups[g].name)].join(" ").toLowerCase().includes(wanted) ? [index] : []) : [];
    at = -1;
    const found = new Set(matches.map(shownAs));
    for (const [key, box] of boxes) { box.element.classList.toggle("found", found.has(key)); box.element.classList.toggle("missed", wanted !== "" && !found.has(key)); }
    $("found").textContent = wanted ? `${matches.length} found` : "";
  }
  function nextMatch() {
    if (!matches.length) return;
    at = (at + 1) % matches.length;
    if (view.scale < 0.6) zoom(0.8 / view.scale);
    kept = matches[at]; show(); keepInView(boxes.get(shownAs(kept)));
    $("found").textContent = `${at + 1} of ${matches.length}`;
  }

  // -- buttons and keys ---------------------------------------------------------------------------------------------
  const unfoldAll = () => { folded.clear(); draw(); };
  const foldAll = () => { groups.forEach((group, index) => { if (members[index].length) folded.add(index); }); draw(); fit(); };
  const actions = {
    first: () => go(0), previous: () => go(now - 1), play, next: () => go(now + 1), turn: () => go(turn), last: () => go(steps.length),
    fold: foldAll, unfold: unfoldAll, smaller: () => zoom(1 / 1.25), larger: () => zoom(1.25), fit,
  };
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
  $("slider").max = steps.length;
  $("slider").addEventListener("input", (event) => go(Number(event.target.value)));
  $("search").addEventListener("input", (event) => search(event.target.value));
  $("search").addEventListener("keydown", (event) => { if (event.key === "Enter") nextMatch(); if (event.key === "Escape") { event.target.value = ""; search(""); event.target.blur(); } });
  const keys = { ArrowRight: "next", ArrowLeft: "previous", ArrowDown: "turn", Home: "first", End: "last", " ": "play", "+": "larger", "-": "smaller", f: "fit" };
  addEventListener("keydown", (event) => {
    if (event.target.id === "search" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") { event.preventDefault(); $("search").focus(); return; }
    const action = keys[event.key];
    if (action) { event.preventDefault(); if (event.target.tagName === "BUTTON") event.target.blur(); actions[action](); }
  });
  addEventListener("resize", fit);
  draw();
  fit();
  if (view.scale < READABLE) { // a large graph is read from its top
    view.scale = READABLE;
    view.x = Math.max(0, (picture.getBoundingClientRect().width - size.width * READABLE) / 2);
    view.y = 0;
    moveView();
  }
})();
