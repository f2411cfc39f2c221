// dicomParser's view of the files named on standard input: one line of JSON each, null where it refuses.
"use strict";
const fs = require("fs");
const dicomParser = require("dicom-parser");

const excluded = (tag) => {
  const group = tag >>> 16, element = tag & 0xffff;
  return element === 0 || group < 8 || tag === 0x00080001 || group === 0xfffa || tag === 0x4ffe0001 ||
    tag === 0xfffcfffc || group === 0xfffe;
};
// a deflated file is read from its first byte, and "DICM" taken for a tag; what else stands there is shown
const PREFIX = ["x49444d43", "x4c550004"];
const hex = (bytes, start, length) => {
  let end = start + length;
  while (end > start && (bytes[end - 1] === 0 || bytes[end - 1] === 32)) end--;
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("hex");
};
const flat = (dataset, before, result) => {
  for (const key of Object.keys(dataset.elements)) {
    const element = dataset.elements[key];
    const path = before + key.slice(1).toUpperCase();
    if (excluded(parseInt(key.slice(1), 16)) || PREFIX.includes(key)) continue;
    if (element.items) {
      result[path] = `${element.items.length} items`;
      element.items.forEach((item, number) => flat(item.dataSet, `${path}[${number}].`, result));
    } else if (element.fragments) {
      result[path] = `${element.fragments.length} fragments`;
      element.fragments.forEach((fragment, number) => {
        result[`${path}#${number}`] = hex(dataset.byteArray, fragment.position, fragment.length);
      });
    } else {
      result[path] = hex(dataset.byteArray, element.dataOffset, element.length);
    }
  }
  return result;
};
const sequences = new Set((process.env.SEQUENCES || "").split(",").map((tag) => "x" + tag.toLowerCase()));
const vrCallback = (tag) => (sequences.has(tag) ? "SQ" : undefined);
for (const name of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  let view = null;
  try {
    view = flat(dicomParser.parseDicom(fs.readFileSync(name), { vrCallback }), "", {});
  } catch (error) {
    view = null;
  }
  fs.writeSync(1, JSON.stringify(view) + "\n");
}
