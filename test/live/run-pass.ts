import type { ConnectorActions, Connector } from '../../connectors/connector.ts'
import { connectorOf } from '../../connectors/registry.ts'
import {
  airbyteCatalog,
  ConnectError,
  type AirbyteStream,
  type JsonObject,
} from '../../protocol/index.ts'
import { contextOf, fullRefreshOf } from '../connectors/collected.ts'
import { actionNamed, ActionSession } from './action-session.ts'
import { checkSignature } from './signatures.ts'
import { checkStreams } from './check-streams.ts'
import type { LiveEnvironment, LiveVendor } from './live-vendor.ts'
import { readSome } from './read-some.ts'
import { RecordingProxy } from './recording-proxy.ts'
import type { Report } from './report.ts'

export interface PassOptions {
  readonly environment: LiveEnvironment
  readonly config: JsonObject
  /** Also runs what leaves something in the account. */
  readonly leavesTraces: boolean
  readonly report: Report
}

/** One pass over a vendor's account. Every step has a line in the report; nothing is thrown. */
export async function runPass(vendor: LiveVendor, options: PassOptions): Promise<void> {
  const { report, config } = options
  const connector = await connectorOf(vendor.type)
  try {
    await report.step('check', async () => {
      const { status, message } = await connector.check(config, contextOf())
      if (status !== 'SUCCEEDED') throw new Error(message ?? 'it failed')
      return undefined
    })
    let streams: readonly AirbyteStream[] = []
    await report.step('discover', async () => {
      streams = airbyteCatalog.parse(await connector.discover(config, contextOf())).streams
      return `${String(streams.length)} streams`
    })
    await checkWrongKey(connector, { vendor, options, streams })
    await checkStreams(connector, { vendor, config, streams, report })
    await checkActions(connector, vendor, options)
    for (const { name, signature } of connector.descriptor.webhooks)
      await report.lone(`webhook ${name}`, () => checkSignature(vendor.type, signature))
  } catch (error) {
    report.failed('pass', error)
  }
}

interface WrongKeyChecks {
  readonly vendor: LiveVendor
  readonly options: PassOptions
  readonly streams: readonly AirbyteStream[]
}

async function checkWrongKey(
  connector: Connector,
  { vendor, options, streams }: WrongKeyChecks,
): Promise<void> {
  const { report, environment } = options
  const config = vendor.withWrongKey(options.config)
  await report.lone('check with a wrong key', async () => {
    const { status, error, message } = await connector.check(config, contextOf())
    if (status !== 'FAILED') throw new Error('it succeeded')
    if (error !== undefined) throw new Error('it is reported as a failure that may pass')
    if (message === undefined) throw new Error('it does not say why')
    return undefined
  })
  await report.lone('read with a wrong key', async () => {
    const [stream] = streams
    if (stream === undefined) throw new Error('there is no stream')
    const read = readSome(connector, config, { stream: fullRefreshOf(stream), states: new Map() })
    return expectCode(read, 'source_refused')
  })
  await report.lone('action with a wrong key', async () => {
    const actions = actionsOf(connector)
    const { action, input } = vendor.probe(environment)
    await using client = await actions.open(config, actionContext())
    const call = (await actionNamed(actions, action)).call(input)
    const signal = AbortSignal.timeout(120_000)
    const sent = client.send(call, {
      idempotencyKey: 'wrong-key',
      timeoutMs: 60_000,
      mayComeAgain: true,
      signal,
    })
    return await expectCode(sent, 'action_credentials_refused')
  })
}

async function expectCode(promise: Promise<unknown>, code: string): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof ConnectError && error.code === code) return code
    throw error
  }
  throw new Error(`it succeeded instead of failing with ${code}`)
}

/** Runs the sequences of a vendor. A sequence that fails is cleaned up, and the others run all the same. */
export async function checkActions(
  connector: Connector,
  vendor: LiveVendor,
  { config, environment, leavesTraces, report }: PassOptions,
): Promise<void> {
  const actions = actionsOf(connector)
  const { api_url: given } = config
  await using proxy = await RecordingProxy.start(typeof given === 'string' ? given : vendor.apiUrl)
  const proxied = { ...config, api_url: proxy.url }
  await using client = await actions.open(proxied, actionContext())
  const [key = ''] = vendor.variables
  const secret = environment[key] ?? ''
  const session = new ActionSession({ actions, client, config: proxied, proxy, secret, report })
  for (const sequence of vendor.sequences) {
    const { title, leaves } = sequence
    if (leaves !== undefined && !leavesTraces) {
      report.skipped(title, `it leaves ${leaves} in the account; run it with --leave-traces`)
      continue
    }
    try {
      await sequence.run(session, environment)
    } catch (error) {
      report.failed(title, error)
    } finally {
      await session.removeAll()
    }
  }
  for (const [name, reason] of Object.entries(vendor.untried)) report.skipped(name, reason)
}

function actionsOf({ actions, descriptor }: Connector): ConnectorActions {
  if (actions === undefined) throw new TypeError(`${descriptor.type} has no actions`)
  return actions
}

function actionContext() {
  return { ...contextOf(), instance: 'live' }
}
