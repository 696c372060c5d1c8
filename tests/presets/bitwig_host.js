// Bitwig's part, for the test of the controller script: `node bitwig_host.js SCRIPT PORT`.
//
// The objects that the script uses, with OSC over real UDP, since that is what Bitwig's module does.
// Lines of JSON come in, [what, values...], and go out: what the script did to Bitwig.

const dgram = require("dgram");
const fs = require("fs");
const readline = require("readline");
const vm = require("vm");

const [script, port] = process.argv.slice(2);
const say = (...words) => process.stdout.write(JSON.stringify(words) + "\n");

function padded(text) {
  const raw = Buffer.from(text + "\0");
  return Buffer.concat([raw, Buffer.alloc((4 - (raw.length % 4)) % 4)]);
}

/** As Bitwig does it with numbers of JavaScript: whole ones are Integer, others Double. */
function encode(address, values) {
  const parts = [];
  let tags = ",";
  for (const value of values) {
    if (typeof value === "string") {
      tags += "s";
      parts.push(padded(value));
    } else if (Number.isInteger(value)) {
      tags += "i";
      const data = Buffer.alloc(4);
      data.writeInt32BE(value);
      parts.push(data);
    } else {
      tags += "d";
      const data = Buffer.alloc(8);
      data.writeDoubleBE(value);
      parts.push(data);
    }
  }
  return Buffer.concat([padded(address), padded(tags), ...parts]);
}

function text(data, at) {
  const end = data.indexOf(0, at);
  return [data.toString("utf8", at, end), (end + 4) & ~3];
}

function decode(data) {
  let [address, at] = text(data, 0);
  let tags;
  [tags, at] = text(data, at);
  const values = [];
  for (const tag of tags.slice(1)) {
    if (tag === "s") {
      let value;
      [value, at] = text(data, at);
      values.push({ tag, value });
    } else {
      values.push({ tag, value: tag === "i" ? data.readInt32BE(at) : data.readFloatBE(at) });
      at += 4;
    }
  }
  return [address, values];
}

/** Its getters refuse an argument of another type. */
function message(values) {
  const get = (tag) => (index) => {
    if (values[index].tag !== tag) {
      throw new Error("argument " + index + " is " + values[index].tag + ", not " + tag);
    }
    return values[index].value;
  };
  return { getInt: get("i"), getFloat: get("f"), getString: get("s") };
}

const out = dgram.createSocket("udp4");

class AddressSpace {
  constructor() {
    this.methods = {};
  }
  registerMethod(address, tags, description, does) {
    this.methods[address] = does;
  }
  registerDefaultMethod(does) {
    this.otherwise = does;
  }
}

const osc = {
  createAddressSpace: () => new AddressSpace(),
  connectToUdpServer: (host) => ({
    sendMessage: (address, ...values) => {
      say("sent", address, ...values);
      out.send(encode(address, values), Number(port), host);
    },
  }),
  createUdpServer: (ours, space) => {
    const server = dgram.createSocket("udp4");
    server.on("message", (data) => {
      const [address, values] = decode(data);
      say("heard", address, ...values.map((each) => each.value));
      (space.methods[address] || space.otherwise)({}, message(values));
    });
    server.bind(ours, "127.0.0.1", () => say("listening"));
  },
};

/** A value that is observed; Bitwig tells it once after init, and after each change. */
function observed(name, value) {
  const observers = [];
  const tell = () => observers.forEach((observer) => observer(value));
  return {
    addValueObserver: (observer) => observers.push(observer),
    addRawValueObserver: (observer) => observers.push(observer),
    addSignalObserver: (observer) => observers.push(() => observer()),
    markInterested: () => {},
    get: () => value,
    getRaw: () => value,
    setRaw: (now) => {
      say(name, now);
      value = now;
      setImmediate(tell);
    },
    set: (now) => {
      value = now;
      tell();
    },
    tell,
  };
}

const values = {
  tempo: observed("tempo", 97.5),
  playing: observed("playing", false),
  position: observed("position", 0),
  numerator: observed("numerator", 3),
  denominator: observed("denominator", 4),
};
const settings = {};
const setting = (label, category, value) =>
  (settings[category + "/" + label] = observed(label, value));

const transport = {
  tempo: () => ({ value: () => values.tempo }),
  isPlaying: () => values.playing,
  playPosition: () => values.position,
  timeSignature: () => ({
    numerator: () => values.numerator,
    denominator: () => values.denominator,
  }),
  play: () => values.playing.setRaw(true),
  stop: () => values.playing.setRaw(false),
};

const host = {
  setShouldFailOnDeprecatedUse: () => {},
  defineController: (...words) => say("controller", ...words),
  getOscModule: () => osc,
  createTransport: () => transport,
  scheduleTask: (task, ms) => setTimeout(task, ms),
  showPopupNotification: (words) => say("popup", words),
  getDocumentState: () => ({
    getStringSetting: (label, category, length, value) => setting(label, category, value),
    getSignalSetting: (label, category) => setting(label, category),
    getNumberSetting: (label, category, low, high, step, unit, value) =>
      setting(label, category, value),
  }),
};

const context = vm.createContext({ host, loadAPI: (version) => say("api", version) });
vm.runInContext(fs.readFileSync(script, "utf8"), context, { filename: script });
context.init();
Object.values(values).forEach((value) => value.tell());

readline.createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [what, value] = JSON.parse(line);
    (values[what] || settings[what]).set(value);
  })
  .on("close", () => {
    context.exit();
    setTimeout(() => process.exit(0), 50);
  });
