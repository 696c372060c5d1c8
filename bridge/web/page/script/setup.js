export function makeSetup(place) {
  place.textContent = "setup";
}
