import { readdirSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCase } from './run-case.ts'

/**
 * `npm run conformance -- --cases DIR [--only NAME] [--json]`: runs a folder of cases through the
 * interpreter.
 */
const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
if (values.cases === undefined || !existsSync(values.cases)) {
  process.stderr.write('Name the folder of the cases: npm run conformance -- --cases DIR\n')
  process.exit(2)
}
const folder = values.cases
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'case.json')))
  .map((entry) => entry.name)
  .filter((name) => values.only === undefined || name.includes(values.only))
  .toSorted()

let passed = 0
const failures: { readonly name: string; readonly phase: string; readonly reason: string }[] = []
for (const name of names) {
  const failure = await runCase(join(folder, name))
  if (failure === null) {
    passed += 1
    continue
  }
  failures.push({ name, ...failure })
  if (!values.json) process.stdout.write(`FAIL ${name} ${failure.phase}: ${failure.reason}\n`)
}
if (values.json)
  process.stdout.write(`${JSON.stringify({ passed, failed: failures.length, failures })}\n`)
else process.stdout.write(`${passed} passed, ${failures.length} failed\n`)
process.exitCode = failures.length === 0 ? 0 : 1
