// Keys by their place on the keyboard, whatever is printed on them, and what is printed on them.

/** Of the pads, row by row. The fourth row goes on where the third ends. */
export const PAD_CODES = [
  "KeyQ", "KeyW", "KeyE", "KeyR",
  "KeyA", "KeyS", "KeyD", "KeyF",
  "KeyZ", "KeyX", "KeyC", "KeyV",
  "KeyB", "KeyN", "KeyM", "Comma",
];

/** Of scenes 1 to 8, for the right hand. */
export const SCENE_CODES = ["KeyU", "KeyI", "KeyO", "KeyP", "KeyJ", "KeyK", "KeyL", "Semicolon"];

const NAMES = {
  Space: "Space", Escape: "Esc", Delete: "Del", Comma: ",", Semicolon: ";", BracketLeft: "[", BracketRight: "]",
};
let printed = new Map();

/** What stands on a key: as the browser knows it, else as on an English keyboard. */
export function nameOf(code) {
  const name = printed.get(code) || NAMES[code] || code.replace(/^(Key|Digit)/, "");
  return name.length === 1 ? name.toUpperCase() : name;
}

/** Learn what is printed on this keyboard, where the browser tells. */
export async function learnNames() {
  try {
    printed = await navigator.keyboard.getLayoutMap();
  } catch {
    // Most browsers keep it to themselves.
  }
}
