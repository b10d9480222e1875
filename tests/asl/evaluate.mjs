// Evaluates JSONata with the reference implementation, as package.json pins it. Reads one request per line:
// {"expression": "…", "bindings": {…}, "samples": {…}}; answers each with {"value": …, "unknown": […]},
// {"undefined": true, "unknown": […]} or {"error": "…"}. Without bindings the expression is only parsed.
//
// A sample stands for what a service answers, and becomes a part of $states: {"members": {name: sample}} is a structure,
// {"items": sample} a list of one, {"value": …} anything else. Members that an expression asks for and that its
// structure does not have are answered as unknown.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const jsonata = createRequire(import.meta.url)("jsonata");
const algorithms = { "MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512" };
// What the engine asks of any object, to find out what it is or to make a text of it.
const internal = new Set([
  "_jsonata_function", "_jsonata_lambda", "cons", "keepSingleton", "length", "outerWrapper", "sequence", "then", "toJSON",
  "toPrecision", "tupleStream",
]);

function built(sample, path, unknown) {
  if ("items" in sample) return [built(sample.items, `${path}[]`, unknown)];
  if (!("members" in sample)) return sample.value;
  const members = Object.entries(sample.members).map(([name, member]) => [name, built(member, `${path}.${name}`, unknown)]);
  return new Proxy(Object.fromEntries(members), {
    get(target, name) {
      if (typeof name === "string" && !(name in target) && !internal.has(name)) unknown.add(`${path}.${name}`);
      return target[name];
    },
  });
}

async function answer({ expression, bindings, samples = {} }) {
  try {
    const compiled = jsonata(expression);
    if (bindings === undefined) return { value: "parsed" };
    // What Step Functions adds to JSONata, as far as the definition uses it:
    // https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    compiled.registerFunction("hash", (data, name) => createHash(algorithms[name]).update(data).digest("hex"));
    compiled.registerFunction("parse", (data) => JSON.parse(data));
    const unknown = new Set();
    for (const [name, sample] of Object.entries(samples)) bindings.states[name] = built(sample, name, unknown);
    const value = await compiled.evaluate(undefined, bindings);
    const found = { unknown: [...unknown] };
    return value === undefined ? { undefined: true, ...found } : { value, ...found };
  } catch (error) {
    return { error: `${error.code}: ${error.message}` };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
