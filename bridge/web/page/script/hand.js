// What the hand is set to on this page: the deck that pads play on, the bank of slots they show, and
// whether a press stores. Nobody else's business, so it is no state of the server's.

export const PADS = 16;
export const BANKS = 8;

const now = { deck: 1, bank: 0, storing: false };
const followers = new Set();

export const hand = () => now;

/** Change some of it; the followers are told if that changed anything. */
export function setHand(values) {
  if (Object.entries(values).every(([name, value]) => now[name] === value)) return;
  Object.assign(now, values);
  for (const call of followers) call(now);
}

/** Call `call(hand)` now and at every change. */
export function followHand(call) {
  followers.add(call);
  call(now);
}

/** The slot that pad 0..15 stands for. */
export const slotOf = (pad) => now.bank * PADS + pad + 1;

/** Go on to the next bank, or back, round and round. */
export const turnBank = (by) => setHand({ bank: (now.bank + by + BANKS) % BANKS });
