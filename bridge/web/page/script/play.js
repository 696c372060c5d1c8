export function makePlay(place) {
  place.textContent = "play";
}
