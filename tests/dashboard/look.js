// What is wrong with a page as it stands, in words; evaluated by Playwright in the page itself.
() => {
  const complaints = new Set();
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", {
    willReadFrequently: true,
  });
  const seen = new Map();
  // Red, green, blue from 0 to 255 and opacity from 0 to 1, of whatever notation.
  const read = (colour) => {
    if (!seen.has(colour)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      seen.set(colour, [r, g, b, a / 255]);
    }
    return seen.get(colour);
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const ground = (element) => {
    if (element === null) return read("white");
    const own = read(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(element.parentElement));
  };
  // Relative luminance and contrast: WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const contrast = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const name = (element) => {
    const kind = typeof element.className === "string" ? element.className.trim().replace(/\s+/g, ".") : "";
    return `${element.localName}${kind === "" ? "" : `.${kind}`}`;
  };
  const said = (text) => text.trim().slice(0, 30);
  const shown = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement: element } = texts.currentNode;
    if (data.trim() === "" || element.closest(":disabled, .for-ears, script, style, .skip") || !shown(element)) continue;
    const style = getComputedStyle(element);
    const behind = ground(element);
    const [size, bold] = [Number.parseFloat(style.fontSize), Number(style.fontWeight) >= 700];
    const needed = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    const found = contrast(over(read(style.color), behind), behind);
    if (found < needed) complaints.add(`contrast ${found.toFixed(2)}: ${name(element)} "${said(data)}"`);
    if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/.test(data)) {
      complaints.add(`raw control or direction character: ${name(element)} "${said(data)}"`);
    }
  }

  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > wide) {
    complaints.add(`the page is ${document.documentElement.scrollWidth} px wide, the window ${wide}`);
  }
  const boxes = ".card, .tile, .wrong-card, .empty, .toast, .badge, dialog, header.top, .head, td, .heat, .lineage";
  for (const box of document.querySelectorAll(boxes)) {
    if (!shown(box)) continue;
    const edge = box.getBoundingClientRect();
    for (const inner of box.querySelectorAll("*")) {
      if (inner.closest(".for-ears, svg") !== null || !shown(inner)) continue;
      const place = inner.getBoundingClientRect();
      if (place.right <= edge.right + 1.5 && place.left >= edge.left - 1.5) continue;
      let between = inner.parentElement;
      while (between !== box && getComputedStyle(between).overflowX === "visible") between = between.parentElement;
      if (between === box && getComputedStyle(box).overflowX === "visible") {
        complaints.add(`${name(inner)} stands out of ${name(box)} by ${Math.round(place.right - edge.right)} px`);
      }
    }
  }

  for (const odd of document.querySelectorAll("script:not([src]), iframe, object, embed, main img:not(.picture), main style")) {
    complaints.add(`an element that no view makes: ${name(odd)}`);
  }
  for (const element of document.body.querySelectorAll("*")) {
    for (const { name: attribute } of element.attributes) {
      if (attribute.startsWith("on")) complaints.add(`a handler in the page's text: ${name(element)} ${attribute}`);
    }
  }

  if (document.querySelectorAll("h1").length !== 1) {
    complaints.add(`${document.querySelectorAll("h1").length} main headings`);
  }
  for (const { id } of document.querySelectorAll("[id]")) {
    if (document.querySelectorAll(`#${CSS.escape(id)}`).length > 1) complaints.add(`the id ${id} comes twice`);
  }
  const controls = document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex], [role=slider]",
  );
  for (const control of controls) {
    if (control.disabled || !shown(control) || control.getAttribute("tabindex") === "-1") continue;
    const label = control.getAttribute("aria-label") ?? control.labels?.[0]?.textContent ?? control.textContent;
    if (label.trim() === "") complaints.add(`a control without a name: ${name(control)}`);
    control.focus({ preventScroll: true, focusVisible: true });
    if (document.activeElement !== control) complaints.add(`cannot be focused: ${name(control)} "${said(label)}"`);
    const { outlineStyle, outlineWidth } = getComputedStyle(control);
    if (outlineStyle === "none" || Number.parseFloat(outlineWidth) < 1) {
      complaints.add(`its focus is not seen: ${name(control)} "${said(label)}"`);
    }
  }
  document.activeElement?.blur();
  return [...complaints];
}
