// Evaluates JSONata with the reference implementation, in the version that package.json pins. Reads one request per line:
// {"expression": "…", "bindings": {…}}; answers each with {"value": …}, {"undefined": true} or {"error": "…"}.
// Without bindings the expression is only parsed.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const jsonata = createRequire(import.meta.url)("jsonata");
const algorithms = { "MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512" };

async function answer({ expression, bindings }) {
  try {
    const compiled = jsonata(expression);
    if (bindings === undefined) return { value: "parsed" };
    // What Step Functions adds to JSONata, as far as the definition uses it:
    // https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    compiled.registerFunction("hash", (data, name) => createHash(algorithms[name]).update(data).digest("hex"));
    compiled.registerFunction("parse", (data) => JSON.parse(data));
    const value = await compiled.evaluate(undefined, bindings);
    return value === undefined ? { undefined: true } : { value };
  } catch (error) {
    return { error: `${error.code}: ${error.message}` };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
