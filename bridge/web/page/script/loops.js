export function makeLoops(place) {
  place.textContent = "loops";
}
