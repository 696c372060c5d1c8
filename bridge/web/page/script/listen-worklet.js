// The ring beside the sound: on the browser's audio thread, where the page cannot hold it up.

import { Ring } from "./listen-ring.js";

const TOLD_EVERY_S = 0.5;

class Listening extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.ring = new Ring(processorOptions.rate, sampleRate);
    this.toldS = 0;
    this.port.onmessage = ({ data }) => this.ring.write(new Int16Array(data));
  }

  process(inputs, [[left, right]]) {
    this.ring.read(left, right);
    if (currentTime >= this.toldS + TOLD_EVERY_S) {
      this.toldS = currentTime;
      this.port.postMessage(this.ring.underruns);
    }
    return true;
  }
}

registerProcessor("listening", Listening);
