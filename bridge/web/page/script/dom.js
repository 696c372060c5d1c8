// Small things for making elements.

/** An element: make("button", { class: "big", text: "Play", "aria-label": "..." }, child, ...).
 * `on...` properties are listeners; `text` is its text. */
export function make(name, options = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (key === "text") element.textContent = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A number as people read it: at most `digits` places, no superfluous zeros. */
export const shown = (number, digits = 2) => String(Number(number.toFixed(digits)));

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
