// Faults that a person would see on the open page: sideways scroll, text cut off, controls over each other.
() => {
  const faults = [];
  const root = document.scrollingElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
  const isShown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const name = (element) => `<${element.tagName.toLowerCase()} class="${element.className}"> ${element.textContent.trim().slice(0, 40)}`;
  for (const element of document.querySelectorAll("body *")) {
    if (!isShown(element)) continue;
    const style = getComputedStyle(element);
    const hides = ["hidden", "clip"].includes(style.overflowX) && !element.matches("input"); // a field scrolls its text
    if (hides && element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1) faults.push(`cut off: ${name(element)}`);
    const box = element.getBoundingClientRect();
    if (box.width > 1 && box.right > root.clientWidth + 1 && !element.closest(".skip, .scrolls")) faults.push(`past the edge: ${name(element)}`);
  }
  const controls = [...document.querySelectorAll("main :is(a, button, input, select, textarea)")].filter(isShown);
  const boxes = controls.map((element) => [element, element.getBoundingClientRect()]).filter(([, box]) => box.width && box.height);
  for (const [index, [one, a]] of boxes.entries()) {
    for (const [other, b] of boxes.slice(index + 1)) {
      if (one.contains(other) || other.contains(one)) continue;
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (x > 1 && y > 1) faults.push(`overlap: ${name(one)} and ${name(other)}`);
    }
  }
  return faults;
}
