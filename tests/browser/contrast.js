// What is drawn too faintly on a page, by WCAG 2.2: text (1.4.3), the edges of controls, sliders and
// the shapes of charts (1.4.11).
() => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const parsed = new Map();
  // any colour that a computed style may have, as red, green, blue (0 to 255) and alpha (0 to 1)
  const colour = (words) => {
    if (!parsed.has(words)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = words;
      pen.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
      parsed.set(words, [r, g, b, a / 255]);
    }
    return parsed.get(words);
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((v, k) => a * v + (1 - a) * below[k]);
  const bright = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ratio = (a, b) => {
    const [low, high] = [bright(a), bright(b)].sort((p, q) => p - q);
    return (high + 0.05) / (low + 0.05);
  };
  const styles = new Map();
  const style = (node) => styles.get(node) ?? styles.set(node, getComputedStyle(node)).get(node);
  // what lies behind an element's content: its own background over its parents', the page's last
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const own = colour(style(node).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, behind(node.parentElement));
  };
  const strength = (node) => (node ? Number(style(node).opacity) * strength(node.parentElement) : 1);
  const drawn = (node) => node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && !node.closest(".spoken, .skip");
  const idle = (node) => node.closest(":disabled, label:has(+ :disabled)");
  const named = (node, words) => `${node.tagName.toLowerCase()}${node.className.baseVal ?? node.className ? "." + (node.className.baseVal ?? node.className) : ""} "${words.trim().slice(0, 40)}"`;
  const faint = new Set();
  let seen = 0;
  const judge = (node, ink, ground, words, least) => {
    const [r, g, b, a] = colour(ink), found = ratio(over([r, g, b, a * strength(node)], ground), ground);
    seen += 1;
    if (found < least) faint.add(`${found.toFixed(2)} < ${least}: ${named(node, words)}, ${ink} on ${ground.map(Math.round)}`);
  };
  const least = (s) => (parseFloat(s.fontSize) >= 24 || (parseFloat(s.fontSize) >= 18.66 && Number(s.fontWeight) >= 700) ? 3 : 4.5);

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement, words = texts.currentNode.data;
    if (!words.trim() || node.closest("option, script, noscript, title, desc") || !drawn(node) || idle(node)) continue;
    const s = style(node);
    judge(node, node instanceof SVGElement ? s.fill : s.color, behind(node), words, least(s));
  }
  for (const node of document.querySelectorAll("input, select, button.tool, textarea")) {
    if (!drawn(node) || idle(node)) continue;
    const s = style(node), around = behind(node.parentElement);
    if (node.matches("select, input:not([type='range'], [type='checkbox'], [type='file'])")) {
      judge(node, s.color, behind(node), node.value || "(value)", 4.5);
      if (node.placeholder) judge(node, getComputedStyle(node, "::placeholder").color, behind(node), node.placeholder, 4.5);
    }
    if (!node.matches("[type='range'], [type='checkbox'], [type='file']")) judge(node, s.borderTopColor, around, `edge of ${node.id || node.textContent}`, 3);
  }
  for (const node of document.querySelectorAll("i.share, .split, .split i, .state i, .legend .dot-long, .legend .dot-short, .figure .swatch:not(.line, .dashed, .band)")) {
    if (drawn(node)) judge(node, style(node).backgroundColor, behind(node.parentElement.closest(":not(.split)")), "mark", 3);
  }
  // a shape of a chart is told by its fill or by its edge, whichever stands out more
  for (const node of document.querySelectorAll(".figure svg :is(.line, .bar, .dot, .whisker, .band, .extent, .level, .blast, .base, .mark-line, .joint)")) {
    if (!drawn(node)) continue;
    const s = style(node), ground = behind(node.closest("svg").parentElement), all = strength(node);
    const of = (ink, part) => (ink === "none" ? 1 : (([r, g, b, a]) => ratio(over([r, g, b, a * part * all], ground), ground))(colour(ink)));
    const found = Math.max(of(s.fill, Number(s.fillOpacity)), parseFloat(s.strokeWidth) ? of(s.stroke, Number(s.strokeOpacity)) : 1);
    seen += 1;
    if (found < 3) faint.add(`${found.toFixed(2)} < 3: ${named(node, "shape")}`);
  }
  for (const node of document.querySelectorAll("[type='range'], [type='checkbox'], progress")) {
    if (drawn(node) && !idle(node)) judge(node, style(node).accentColor, behind(node.parentElement), "accent", 3);
  }
  // the parts of a slider have no style that can be asked for: their rules are read
  const parts = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).filter((rule) => /::-(webkit-slider|moz-range)-/.test(rule.selectorText ?? ""));
  // and what is drawn on a canvas is drawn in these
  const inks = [...parts.map((rule) => [rule.style.backgroundColor || rule.style.background, rule.selectorText]), ...["up", "down", "long", "short", "soft"].map((name) => [`var(--${name})`, name])];
  const probe = document.body.appendChild(document.createElement("i"));
  for (const [ink, words] of inks) {
    for (const ground of ["paper", "ground"]) {
      probe.style.color = ink;
      const made = getComputedStyle(probe).color;
      probe.style.color = `var(--${ground})`;
      judge(document.body, made, colour(getComputedStyle(probe).color).slice(0, 3), words, 3);
    }
  }
  probe.remove();
  return { seen, parts: parts.length, faint: [...faint] };
}
