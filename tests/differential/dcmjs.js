// dcmjs's view of the files named on standard input: one line of JSON each, null where it refuses.
"use strict";
const fs = require("fs");
const dcmjs = require("dcmjs");

dcmjs.log.setLevel("silent");
const excluded = (tag) => {
  const group = tag >>> 16, element = tag & 0xffff;
  return element === 0 || group < 8 || tag === 0x00080001 || group === 0xfffa || tag === 0x4ffe0001 ||
    tag === 0xfffcfffc || group === 0xfffe;
};
const shown = (value) => {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return Buffer.from(value).toString("hex");
  return typeof value === "object" ? JSON.stringify(value) : String(value).replace(/[\0 ]+$/, "");
};
const flat = (dataset, before, result) => {
  for (const key of Object.keys(dataset)) {
    if (!/^[0-9A-F]{8}$/i.test(key) || excluded(parseInt(key, 16))) continue;
    const path = before + key.toUpperCase();
    const values = dataset[key].Value || [];
    if (dataset[key].vr === "SQ") {
      result[path] = `${values.length} items`;
      values.forEach((item, number) => flat(item, `${path}[${number}].`, result));
    } else {
      result[path] = values.map(shown).join("\\");
    }
  }
  return result;
};
for (const name of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  let view = null;
  try {
    const data = fs.readFileSync(name);
    const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    view = flat(dcmjs.data.DicomMessage.readFile(buffer).dict, "", {});
  } catch (error) {
    view = null;
  }
  fs.writeSync(1, JSON.stringify(view) + "\n");
}
