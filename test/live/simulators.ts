import type { JsonObject, JsonValue } from '../../protocol/index.ts'
import type { ContractSubject } from '../connectors/connector-contract.ts'
import { openGithubSubject } from '../connectors/github/contract-subject.ts'
import { vendorSubjects } from '../connectors/vendor-subjects.ts'
import type { LiveEnvironment } from './live-vendor.ts'

export interface Simulated extends AsyncDisposable {
  readonly environment: LiveEnvironment
  /** The address of the simulator. */
  readonly config: JsonObject
}

const repository = 'acme/connect-test'
const open: Readonly<Record<string, () => Promise<ContractSubject>>> = {
  ...vendorSubjects,
  github: () => openGithubSubject([repository]),
}

const environments: Readonly<Record<string, (config: JsonObject) => LiveEnvironment>> = {
  stripe: ({ api_key: key }) => ({ LIVE_STRIPE_KEY: textOf(key) }),
  slack: ({ access_token: token }) => ({
    LIVE_SLACK_TOKEN: textOf(token),
    LIVE_SLACK_CHANNEL: 'C2',
  }),
  linear: ({ api_key: key }) => ({ LIVE_LINEAR_KEY: textOf(key) }),
  github: ({ access_token: token }) => ({
    LIVE_GITHUB_TOKEN: textOf(token),
    LIVE_GITHUB_REPOSITORY: repository,
  }),
}

function textOf(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value
  throw new TypeError('the configuration of the simulator has no key')
}

/** A simulator in the place of the vendor, and the variables that lead to it. */
export async function simulate(type: string): Promise<Simulated> {
  const [start, environmentOf] = [open[type], environments[type]]
  if (start === undefined || environmentOf === undefined)
    throw new TypeError(`there is no simulator of ${type}`)
  const subject = await start()
  // The limits of the vendor's rate are not those of the simulator.
  const limits = type === 'stripe' ? { requests_per_second: 10_000 } : {}
  return {
    environment: environmentOf(subject.config),
    config: { ...subject.config, ...limits },
    [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
  }
}
