import { Batches } from '../../../../../lib/async/batches.ts'
import type { Connector, WebhookEvent } from '../../../../../connectors/connector.ts'
import { ConnectError, isJsonObject, streamLabel } from '../../../../../protocol/index.ts'
import type { FolderCatalogService } from '../../../../catalog/catalog-service.ts'
import type { ConnectionStore } from '../../../../connections/contract.ts'
import { connectionStreams, streamsIn } from '../../../../connections/connection-streams.ts'
import type { DriftStore } from '../../../../connections/drift/contract.ts'
import { matchingStreams } from '../../../../../plan/streams/find-stream.ts'
import type { ResolvedStreams } from '../../../../../plan/streams/resolve-streams.ts'
import type { Connection } from '../../../../connections/schema.ts'
import { kindAt } from '../../../../../sinks/registry.ts'
import type { InstanceService } from '../../../../instances/contract.ts'
import type { ExclusiveWork } from '../../../../platform/database/locks.ts'
import type { RunService } from '../../../../runs/contract.ts'
import type { ClaimedDispatch } from '../../../deliveries/contract.ts'
import type { DispatchedEvent, DispatchOutcome, DispatchTarget, TargetOf } from '../contract.ts'
import { failedOutcome } from '../failed-outcome.ts'
import { loadEvents, type LoadEventsDependencies } from './load-events.ts'
import { readForEvents } from './read-for-events.ts'

export interface StreamTargetOptions extends LoadEventsDependencies {
  readonly store: ExclusiveWork & {
    readonly connections: Pick<ConnectionStore, 'get'>
    readonly drift: Pick<DriftStore, 'approved'>
  }
  readonly instances: LoadEventsDependencies['instances'] &
    Pick<InstanceService, 'get' | 'discover'>
  readonly catalog: Pick<FolderCatalogService, 'connector'>
  readonly runs: Pick<RunService, 'start'>
}

interface StreamEvent extends DispatchedEvent<'stream'> {
  /** The signal of its attempt. */
  readonly signal: AbortSignal
}

/** An event that changes a stream of the connection. */
interface Change {
  readonly claimed: ClaimedDispatch
  /** Undefined: no connector says which one. A run finds out. */
  readonly known: { readonly stream: string; readonly event: WebhookEvent } | undefined
}

type KnownChange = NonNullable<Change['known']>

/** Everything that is due for a connection is loaded at once. */
const mostAtOnce = 1_000
const done: DispatchOutcome = { outcome: 'done' }

/**
 * `stream:CONNECTION/STREAM`, or `stream:CONNECTION/*` for all of its streams. An event whose record the
 * connector can read is loaded at once, beside the connection's runs. Any other event that reports a change
 * starts a run, which reads what has changed.
 */
export class StreamTarget implements DispatchTarget<'stream'> {
  readonly #options: StreamTargetOptions
  /** By target, while events are on their way to it. */
  readonly #open = new Map<
    string,
    { readonly batches: Batches<StreamEvent, DispatchOutcome>; waiting: number }
  >()

  constructor(options: StreamTargetOptions) {
    this.#options = options
  }

  /** Connections come and go: what is wrong is found when an event comes. */
  problem(): undefined {
    return undefined
  }

  async dispatch(event: DispatchedEvent<'stream'>, signal: AbortSignal): Promise<DispatchOutcome> {
    const key = `${event.target.connection}/${event.target.stream}`
    const open = this.#open.get(key) ?? {
      batches: new Batches(
        (events: readonly StreamEvent[]) => this.#load(event.target, events),
        // One event that cannot be loaded does not keep the others from it.
        { most: mostAtOnce, failsTogether: (error) => ConnectError.from(error).retryable },
      ),
      waiting: 0,
    }
    this.#open.set(key, open)
    open.waiting += 1
    try {
      return await open.batches.add({ ...event, signal })
    } catch (error) {
      return failedOutcome(error)
    } finally {
      open.waiting -= 1
      if (open.waiting === 0) this.#open.delete(key)
    }
  }

  /**
   * Whether events are loaded directly into all streams of the connection, so that its runs find only what an
   * event has missed.
   */
  async coversAll(connection: Connection): Promise<boolean> {
    const streams = await this.#streams(connection, '*')
    const { connector } = await this.#connectorOf(connection.from)
    return streams.every((sink) => isDirect(connector, { connection, sink }))
  }

  async #load(
    target: TargetOf<'stream'>,
    events: readonly StreamEvent[],
  ): Promise<readonly DispatchOutcome[]> {
    const { store } = this.#options
    // The attempts of the others end before that of the last one.
    const { signal } = events.at(-1) ?? { signal: AbortSignal.abort() }
    const connection = await store.connections.get(target.connection)
    const reason = inactiveReason(connection)
    if (reason !== undefined)
      return events.map(() => ({ outcome: 'failed', reason, isTargetDown: true }))
    const streams = await this.#streams(connection, target.stream)
    const judged = await Promise.all(
      events.map(({ claimed }) => this.#judge(claimed, { connection, streams })),
    )
    const changes = judged.filter((judgement) => 'claimed' in judgement)
    const { connector } = await this.#connectorOf(connection.from)
    const isLoaded = ({ known }: Change): boolean =>
      known !== undefined &&
      streams.some(
        (sink) =>
          sink.stream.stream.name === known.stream && isDirect(connector, { connection, sink }),
      )
    const direct = changes.filter(isLoaded).flatMap(({ known }) => known ?? [])
    const loaded = await this.#loadDirectly(direct, { connection, streams }, signal)
    const others = changes.filter((change) => !isLoaded(change))
    const read = await readForEvents(
      connection,
      others.map(({ claimed }) => claimed),
      { runs: this.#options.runs, nowMs: this.#options.now() },
    )
    return judged.map((judgement) => {
      if (!('claimed' in judgement)) return judgement
      return isLoaded(judgement) ? loaded : (read.get(judgement.claimed.seq) ?? done)
    })
  }

  /** One process at a time: two would take the destination's account from each other. */
  async #loadDirectly(
    changes: readonly KnownChange[],
    {
      connection,
      streams,
    }: { readonly connection: Connection; readonly streams: ResolvedStreams['streams'] },
    signal: AbortSignal,
  ): Promise<DispatchOutcome> {
    if (changes.length === 0) return done
    const names = new Set(changes.map(({ stream }) => stream))
    const toLoad = {
      connection,
      streams: streams.filter(({ stream }) => names.has(stream.stream.name)),
      events: changes.map(({ event }) => event),
    }
    const isLoaded = await this.#options.store.runExclusively(`events of ${connection.name}`, () =>
      loadEvents(toLoad, this.#options, signal),
    )
    if (isLoaded) return done
    return isOutOfTime(signal)
      ? {
          outcome: 'failed',
          reason: 'the records that its events report could not be read and loaded in time',
        }
      : { outcome: 'failed', reason: 'the service stopped meanwhile', retryAfterMs: 0 }
  }

  /** The streams of the connection that the target means. */
  async #streams(connection: Connection, wanted: string): Promise<ResolvedStreams['streams']> {
    const { store, instances } = this.#options
    const approved = await store.drift.approved(connection.id)
    const { streams } =
      approved === null
        ? await connectionStreams(connection, instances, { refresh: false })
        : streamsIn(approved, connection, approved)
    if (wanted === '*') return streams
    const meant = matchingStreams(
      streams.map(({ stream }) => stream.stream),
      { name: wanted },
    ).map(streamLabel)
    const found = streams.filter(({ stream }) => meant.includes(streamLabel(stream.stream)))
    if (found.length > 0) return found
    throw new ConnectError('target_not_available', {
      details: {
        target: `stream:${connection.name}/${wanted}`,
        reason: `connection ${connection.name} has no stream ${wanted}`,
        fix: `Add the stream to the connection, or choose another one: \`reactor connect connections get ${connection.name}\`.`,
      },
    })
  }

  async #connectorOf(instance: string): Promise<ReturnType<FolderCatalogService['connector']>> {
    const { instances, catalog } = this.#options
    const { type } = await instances.get(instance)
    return catalog.connector(type)
  }

  /** The outcome, if nothing is to be loaded. */
  async #judge(
    claimed: ClaimedDispatch,
    {
      connection,
      streams,
    }: {
      readonly connection: Connection
      readonly streams: ResolvedStreams['streams']
    },
  ): Promise<Change | DispatchOutcome> {
    const { receiver, delivery } = claimed
    if (delivery.kind !== 'event') return done
    if (receiver.instance !== connection.from)
      return refused(
        `receiver ${receiver.name} has events of ${receiver.instance ?? 'no instance'}, and connection ${connection.name} reads ${connection.from}`,
      )
    const { descriptor } = await this.#connectorOf(connection.from)
    const webhook = descriptor.webhooks.find(({ name }) => name === receiver.webhook)
    if (webhook === undefined) return { claimed, known: undefined }
    const stream = webhook.refreshes[delivery.eventType ?? '']
    if (stream === undefined || !streams.some((sink) => sink.stream.stream.name === stream))
      return done
    const body = jsonOf(delivery.body)
    if (!isJsonObject(body)) return refused('its body is no JSON object')
    return { claimed, known: { stream, event: { type: delivery.eventType, body } } }
  }
}

/** Whether the time limit of the attempt aborted the signal. False if the service aborted it. */
function isOutOfTime({ reason }: AbortSignal): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError'
}

function refused(reason: string): DispatchOutcome {
  return { outcome: 'failed', reason, isFinal: true }
}

function inactiveReason({ name, status }: Connection): string | undefined {
  if (status === 'active') return undefined
  const fix = status === 'paused' ? 'Resume it' : 'Promote a sandbox of it, or activate it'
  return `connection ${name} is ${status}. ${fix}`
}

/**
 * Whether its events carry records; merged by a cursor, so that an old event does not replace what is newer.
 * In a topic the last message of a key counts, however old its row is: there, a run reads what has changed.
 */
function isDirect(
  { events }: Connector,
  {
    connection: { destination },
    sink: { mode, stream },
  }: {
    readonly connection: Pick<Connection, 'destination'>
    readonly sink: ResolvedStreams['streams'][number]
  },
): boolean {
  if (kindAt(destination)?.capabilities.mergesByCursor !== true) return false
  const isMerged = mode === 'append_dedup' && stream.sync_mode === 'incremental'
  return isMerged && events?.streams.has(stream.stream.name) === true
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
