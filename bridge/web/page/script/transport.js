export function makeTransport(place) {
  place.textContent = "transport";
}
