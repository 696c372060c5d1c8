// One stop of the Tab key for a block of buttons; the arrow keys move within it.

/** Let the arrow keys, Home and End move the focus among `buttons`, `columns` to a row. `moved` is
 * called with the place of the button that gets it by that. */
export function rove(place, buttons, columns, moved = () => {}) {
  const stop = (at) => buttons.forEach((each, i) => (each.tabIndex = i === at ? 0 : -1));
  stop(0);
  place.addEventListener("focusin", (event) => {
    const at = buttons.indexOf(event.target);
    if (at >= 0) stop(at);
  });
  place.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(event.target);
    const to = at < 0 ? -1 : destination(event.key, at, columns, buttons.length);
    if (to < 0) return;
    event.preventDefault();
    buttons[to].focus();
    moved(to);
  });
  return stop;
}

/** Where a key leads from `at`; -1: nowhere. */
function destination(key, at, columns, count) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const to = key in steps ? at + steps[key] : -1;
  return to < count ? to : -1;
}
