// Out of the page: onto the desktop or a track of a DAW, or as downloads.
//
// A browser fetches what `DownloadURL` names when the card is let go over another program, and gives
// that program the file. Others take the address as text.

import { make } from "../dom.js";
import { notice } from "../notices.js";
import { clip, clipAt, zipAt } from "./library.js";

const ZIP = "loops.zip";
const MAX_ZIPPED = 200; // as many as the server puts into one

/** Let `event`, the begin of a drag, carry these files out. */
export function carry(event, files, wave) {
  const data = event.dataTransfer;
  const urls = files.map((file) => String(clipAt(file)));
  const [kind, name, url] =
    files.length === 1
      ? ["audio/wav", files[0], urls[0]]
      : ["application/zip", ZIP, String(zipAt(files))];
  data.effectAllowed = "copy";
  data.setData("DownloadURL", `${kind}:${name}:${url}`);
  data.setData("text/uri-list", urls.join("\r\n"));
  data.setData("text/plain", urls.join("\n"));
  showPicture(data, files, wave);
}

/** Download one file, or several as a zip. */
export function download(files) {
  if (files.length > MAX_ZIPPED) {
    notice(`${files.length} loops are selected: at most ${MAX_ZIPPED} go into one zip file`);
    return;
  }
  const url = files.length === 1 ? clipAt(files[0]) : zipAt(files);
  const link = make("a", { href: url, download: files.length === 1 ? files[0] : ZIP });
  link.click();
}

/** What hangs at the pointer: the outline and the prompt. A browser takes its picture of it at once,
 * after which it is not needed. */
function showPicture(data, files, wave) {
  const copy = make("canvas", { width: wave.width || 1, height: wave.height || 1 });
  if (wave.width) copy.getContext("2d").drawImage(wave, 0, 0);
  const words = files.length === 1 ? clip(files[0])?.prompt || files[0] : `${files.length} loops`;
  const picture = make("div", { class: "drag-picture" }, copy, make("span", { text: words }));
  document.body.append(picture);
  data.setDragImage(picture, 24, 24);
  setTimeout(() => picture.remove());
}
