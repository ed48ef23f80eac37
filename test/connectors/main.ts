import { once } from 'node:events'
import type { JsonObject } from '../../protocol/index.ts'
import { startStripeMock } from '../fakes/stripe/stripe-mock.ts'
import { vendorSubjects } from './vendor-subjects.ts'

interface Simulator extends AsyncDisposable {
  readonly config: JsonObject
}

const simulators: Readonly<Record<string, () => Promise<Simulator>>> = {
  ...vendorSubjects,
  'stripe-mock': async () => {
    const mock = await startStripeMock()
    const config = { api_key: 'sk_test_mock', api_url: mock.url }
    return { config, [Symbol.asyncDispose]: () => mock[Symbol.asyncDispose]() }
  },
}

// `npm run simulator -- VENDOR`: a vendor on loopback until Ctrl-C. Writes the configuration of an instance
// of it to standard output.
const [, , vendor = ''] = process.argv
const open = simulators[vendor]
if (open === undefined) {
  const known = Object.keys(simulators).join(', ')
  process.stderr.write(`There is no simulator of "${vendor}". There are: ${known}\n`)
  process.exit(2)
}
await using simulator = await open()
process.stdout.write(`${JSON.stringify(simulator.config)}\n`)
process.stderr.write(
  `ready: the simulator of ${vendor} runs until Ctrl-C; its configuration is on standard output\n`,
)
const keepAlive = setInterval(() => undefined, 60_000)
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
await Promise.race(signals.map((signal) => once(process, signal)))
clearInterval(keepAlive)
