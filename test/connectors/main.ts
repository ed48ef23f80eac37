import { once } from 'node:events'
import { vendorSubjects } from './vendor-subjects.ts'

// `npm run simulator -- VENDOR`: a vendor on loopback until Ctrl-C. Writes the configuration of an instance of it to standard output.
const [, , vendor = ''] = process.argv
const open = vendorSubjects[vendor]
if (open === undefined) {
  const known = Object.keys(vendorSubjects).join(', ')
  process.stderr.write(`There is no simulator of "${vendor}". There are: ${known}\n`)
  process.exit(2)
}
await using simulator = await open()
process.stdout.write(`${JSON.stringify(simulator.config)}\n`)
const keepAlive = setInterval(() => undefined, 60_000)
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
await Promise.race(signals.map((signal) => once(process, signal)))
clearInterval(keepAlive)
