import { parseArgs } from 'node:util'
import type { LiveEnvironment, LiveVendor } from './live-vendor.ts'
import { Report, type StepResult } from './report.ts'
import { runPass } from './run-pass.ts'
import { simulate } from './simulators.ts'
import { github } from './vendors/github.ts'
import { linear } from './vendors/linear.ts'
import { slack } from './vendors/slack.ts'
import { stripe } from './vendors/stripe.ts'

export const liveVendors: readonly LiveVendor[] = [stripe, slack, linear, github]

export interface LiveOptions {
  /** Those of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly write: (text: string) => void
}

const usage = `npm run test:live -- [VENDOR …] [--simulator] [--leave-traces]

One scripted pass over a free test account of each vendor: ${liveVendors.map(({ type }) => type).join(', ')}. Default: all whose variables are set.

  --simulator      the same pass against our simulators
  --leave-traces   also actions whose result no action can remove again
`

/** `npm run test:live`. Returns the steps, or a text about a wrong command line. */
export async function runLive(
  args: readonly string[],
  options: LiveOptions,
): Promise<readonly StepResult[] | string> {
  const parsed = parse(args)
  if (typeof parsed === 'string') return parsed
  const results: StepResult[] = []
  for (const vendor of parsed.vendors) results.push(...(await runVendor(vendor, parsed, options)))
  return results
}

interface Wanted {
  readonly vendors: readonly LiveVendor[]
  readonly simulator: boolean
  readonly leavesTraces: boolean
}

function parse(args: readonly string[]): Wanted | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        simulator: { type: 'boolean', default: false },
        'leave-traces': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return usage
    const unknown = positionals.find((name) => !liveVendors.some(({ type }) => type === name))
    if (unknown !== undefined) return `There is no vendor "${unknown}".\n\n${usage}`
    const isWanted = ({ type }: LiveVendor) =>
      positionals.length === 0 || positionals.includes(type)
    return {
      vendors: liveVendors.filter(isWanted),
      simulator: values.simulator,
      leavesTraces: values['leave-traces'],
    }
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${usage}`
  }
}

async function runVendor(
  vendor: LiveVendor,
  { simulator, leavesTraces }: Wanted,
  { environment, write }: LiveOptions,
): Promise<readonly StepResult[]> {
  await using simulated = simulator ? await simulate(vendor.type) : undefined
  const given = simulated?.environment ?? valuesOf(vendor, environment)
  const [key = ''] = vendor.variables
  const report = new Report(vendor.type, given[key] ?? '', write)
  const missing = vendor.variables.filter((name) => given[name] === undefined)
  const refusal = vendor.refusal(given)
  if (missing.length > 0) {
    const isOne = missing.length === 1
    report.skipped('pass', `${missing.join(' and ')} ${isOne ? 'is' : 'are'} not set`)
  } else if (refusal !== undefined) report.failed('pass', new Error(refusal))
  else {
    const config = { ...simulated?.config, ...vendor.configOf(given) }
    await runPass(vendor, { environment: given, config, leavesTraces, report })
  }
  return report.results
}

function valuesOf(
  { variables }: LiveVendor,
  environment: LiveOptions['environment'],
): LiveEnvironment {
  return Object.fromEntries(
    variables.flatMap((name) => {
      const value = environment[name]?.trim() ?? ''
      return value === '' ? [] : [[name, value] as const]
    }),
  )
}
