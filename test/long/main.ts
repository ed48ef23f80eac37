/**
 * `npm run test:long` runs all long forms one after the other, and `npm run test:long -- crash storm` some of
 * them. Ends with a line for each, and with 1 if one failed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { longForms, type LongForm } from './forms.ts'

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

interface FormResult {
  readonly name: string
  readonly minutes: number
  readonly status: number
}

async function runForm(name: string, { env, run }: LongForm): Promise<FormResult> {
  const startedMs = performance.now()
  const args =
    'script' in run ? run.script : ['node_modules/vitest/vitest.mjs', 'run', ...run.vitest]
  const child = spawn(process.execPath, args, {
    stdio: 'inherit',
    env: { LONG_TESTS: '1', ...env, ...process.env },
  })
  const [status] = (await once(child, 'close')) as [number | null]
  return { name, minutes: (performance.now() - startedMs) / 60_000, status: status ?? 1 }
}

const names = process.argv.slice(2)
const known = Object.keys(longForms)
const unknown = names.filter((name) => !known.includes(name))
if (names.includes('--list') || unknown.length > 0) {
  for (const [name, { about, needs }] of Object.entries(longForms))
    print(`${name.padEnd(16)}${about}${needs === undefined ? '' : ` (needs ${needs})`}`)
  process.exit(names.includes('--list') ? 0 : 2)
}

const results: FormResult[] = []
for (const [name, form] of Object.entries(longForms)) {
  const isWanted = names.length > 0 ? names.includes(name) : form.isSum !== true
  if (!isWanted) continue
  print(`\n== ${name}: ${form.about}`)
  results.push(await runForm(name, form))
}
print('')
for (const { name, minutes, status } of results)
  print(`${status === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(16)} ${minutes.toFixed(1)} min`)
process.exitCode = results.some(({ status }) => status !== 0) ? 1 : 0
