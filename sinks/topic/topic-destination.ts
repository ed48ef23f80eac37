import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { kafkaClient } from '../../kafka/kafka-client.ts'
import { kafkaError } from '../../kafka/kafka-errors.ts'
import { ClusterSessions } from '../../kafka/cluster-sessions.ts'
import type { KafkaAdmin } from '../../kafka/make-topic.ts'
import { ConnectError, type StreamId, streamIdOf } from '../../protocol/index.ts'
import type {
  BeginOptions,
  Destination,
  LoadedStream,
  RunEnd,
  RunStart,
  SinkStream,
  SliceStart,
  StreamSync,
  Untold,
} from '../sink.ts'
import { checkRegistry, checkTransactions } from './check-topics.ts'
import { CheckpointStore } from './bookkeeping/checkpoint-store.ts'
import { newerStart } from '../bookkeeping/runs.ts'
import { endRun, requireOwn, startRun } from './bookkeeping/runs.ts'
import { readUntold } from './bookkeeping/untold.ts'
import { usesSchemasTopic } from './load/value-schemas.ts'
import { checkpointTopic, laneId } from './own-names.ts'
import { beginSync } from './sync/begin-sync.ts'
import { SchemaRegistry } from './registry/schema-registry.ts'
import { deleteOldKeys } from './sync/delete-old-keys.ts'
import { changeStates } from './sync/change-states.ts'
import { finishSync, forgetStreams, leaveLog, noteWarning, savePlan } from './sync/finish-sync.ts'
import { countsByKey } from './sync/topic-mode.ts'
import type { TopicPlace } from './topic-place.ts'
import {
  ensureCheckpointTopic,
  ensureSchemasTopic,
  ensureSharedTopics,
  ensureTarget,
  topicId,
} from './topics/ensure-topics.ts'

// How this folder is laid out, each part above those that it imports:
//   topic-destination.ts   the contract of sink.ts, on the main thread; load/topic-lane.ts, in a sink worker
//   load/                  blocks of the log to messages, and the lane that commits them
//   sync/                  begin and end of a sync of a stream; the keys of older generations deleted
//   topics/                the topics that are made, and what they must be like
//   bookkeeping/           our own topics: checkpoints, runs, the fence
//   rows/, registry/       messages of rows, and their schemas
//   topic-place.ts, …      names and errors

export interface TopicDestinationOptions {
  readonly logger: Logger
  /**
   * From its abort on, calls that are in progress throw `kafka_unreachable`, as do all that follow; what is
   * open is aborted.
   */
  readonly givenUp?: AbortSignal | undefined
  /** From its abort on, no call waits for transactions of other programs. */
  readonly stop?: AbortSignal | undefined
}

/** The destination on the main thread. Connects at its first use. */
export function openTopicDestination(
  place: TopicPlace,
  options: TopicDestinationOptions,
): Destination {
  return new TopicDestination(place, options)
}

class TopicDestination implements Destination {
  readonly #place: TopicPlace
  readonly #logger: Logger
  readonly #givenUp: AbortSignal | undefined
  readonly #stop: AbortSignal | undefined
  readonly #stores = new Map<string, Promise<CheckpointStore>>()

  constructor(place: TopicPlace, { logger, givenUp, stop }: TopicDestinationOptions) {
    this.#place = place
    this.#logger = logger
    this.#givenUp = givenUp
    this.#stop = stop
  }

  check(): Promise<void> {
    return this.#unlessGivenUp(async () => {
      const { servers, registry } = this.#place
      await this.#asAdmin(async (kafka) => {
        await ensureSharedTopics(kafka)
        if (usesSchemasTopic(this.#place)) await ensureSchemasTopic(kafka)
      })
      await checkTransactions(servers, this.#logger)
      if (registry !== undefined) await checkRegistry(registry)
    })
  }

  startRun(connection: string, key?: string): Promise<RunStart> {
    return this.#with(connection, async (store) => {
      const by = `process ${String(process.pid)} on ${hostname()}`
      const start = await store.change((now) => startRun(now, { key, by, atMs: Date.now() }))
      // Lanes of older starts, also of processes that are frozen. One that opens from here on finds the newer
      // start.
      const unfinished = (await store.read()).streams().filter(({ record }) => !record.complete)
      await store.fence(unfinished)
      return start
    })
  }

  endRun(connection: string, end: RunEnd): Promise<void> {
    return this.#with(connection, (store) => store.changeAtRest((now) => endRun(now, end)))
  }

  newerStart(connection: string, { start }: RunStart): Promise<string | undefined> {
    return this.#with(connection, async (store) => newerStart((await store.read()).run, start))
  }

  loadedStreams(connection: string): Promise<readonly LoadedStream[]> {
    return this.#with(connection, async (store) => {
      const streams = (await store.read()).streams()
      const existing = new Set(await this.#asAdmin(({ admin }) => admin.listTopics()))
      return streams.map(({ id, record: { topic } }) => ({
        stream: id,
        table: topic,
        hasTable: existing.has(topic),
      }))
    })
  }

  begin(stream: SinkStream, start: RunStart, options?: BeginOptions): Promise<StreamSync> {
    const place = this.#place
    const policy = countsByKey(stream) ? 'compact' : 'delete'
    return this.#with(stream.connection, (store) =>
      beginSync(
        {
          place,
          store,
          ensureTopic: (topic) =>
            this.#asAdmin((kafka) =>
              ensureTarget(kafka, { topic, partitions: place.partitions, policy }),
            ),
          registry: place.registry && new SchemaRegistry(place.registry),
          now: Date.now,
        },
        stream,
        { ...options, start },
      ),
    )
  }

  untold({ connection, stream }: SinkStream, start: RunStart): Promise<Untold | undefined> {
    return this.#with(connection, async (store) => {
      const now = await store.read()
      return readUntold(now.stream(streamIdOf(stream.stream)), start)
    })
  }

  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void> {
    return this.#with(sync.sink.connection, (store) =>
      store.change((now) => savePlan(now, sync, slices)),
    )
  }

  finish(sync: StreamSync): Promise<readonly string[]> {
    const place = this.#place
    const { connection } = sync.sink
    return this.#with(connection, (store) =>
      finishSync(
        {
          place,
          store,
          topicId: (topic) => topicId({ servers: place.servers, logger: this.#logger }, topic),
          deleteOld: (record) =>
            deleteOldKeys({
              place,
              record,
              transactionalId: laneId(connection, sync.streamId, 0),
              requireOwn: async () => {
                requireOwn(await store.read(), sync)
              },
              logger: this.#logger,
              stop: this.#stop,
            }),
          now: Date.now,
        },
        sync,
      ),
    )
  }

  noteWarning(sync: StreamSync, warning: string): Promise<void> {
    return this.#with(sync.sink.connection, (store) =>
      store.change((now) => noteWarning(now, sync, warning)),
    )
  }

  leaveLog(sync: StreamSync): Promise<void> {
    return this.#with(sync.sink.connection, (store) => store.change((now) => leaveLog(now, sync)))
  }

  forget(connection: string, streams: readonly StreamId[] | 'all'): Promise<void> {
    return this.#unlessGivenUp(async () => {
      const topics = await this.#asAdmin(({ admin }) => admin.listTopics())
      // Nothing to forget, so nothing is made either.
      if (!topics.includes(checkpointTopic(connection))) return
      const store = await this.#store(connection)
      await store.fence(await store.changeAtRest((now) => forgetStreams(now, streams)))
    })
  }

  changeStates(
    connection: string,
    streams: readonly StreamId[],
    change: Parameters<Destination['changeStates']>[2],
  ): Promise<void> {
    return this.#with(connection, async (store) => {
      await store.fence(await store.changeAtRest((now) => changeStates(now, streams, change)))
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#stores.values())
    for (const store of opened)
      if (store.status === 'fulfilled') await store.value[Symbol.asyncDispose]()
  }

  #with<T>(connection: string, work: (store: CheckpointStore) => Promise<T>): Promise<T> {
    return this.#unlessGivenUp(async () => work(await this.#store(connection)))
  }

  /** One for a connection, however many streams begin at the same time. */
  #store(connection: string): Promise<CheckpointStore> {
    const known = this.#stores.get(connection)
    if (known !== undefined) return known
    const opened = this.#openStore(connection).catch((error: unknown) => {
      this.#stores.delete(connection)
      throw error
    })
    this.#stores.set(connection, opened)
    return opened
  }

  async #openStore(connection: string): Promise<CheckpointStore> {
    await this.#asAdmin((kafka) => ensureCheckpointTopic(kafka, connection))
    const { servers } = this.#place
    return new CheckpointStore({ servers, connection, logger: this.#logger })
  }

  async #asAdmin<T>(work: (kafka: KafkaAdmin) => Promise<T>): Promise<T> {
    const { servers } = this.#place
    const logger = this.#logger
    const admin = kafkaClient(servers, logger).admin()
    await using sessions = new ClusterSessions()
    try {
      await admin.connect()
      return await work({ admin, servers, sessions, logger })
    } catch (error) {
      throw kafkaError(error, { servers, doing: 'connecting to', target: 'the cluster' })
    } finally {
      await admin.disconnect()
    }
  }

  /** Work that does not respond ends by itself, after nobody waits for it any more. */
  async #unlessGivenUp<T>(work: () => Promise<T>): Promise<T> {
    const signal = this.#givenUp
    if (signal === undefined) return work()
    if (signal.aborted) throw this.#givenUpError()
    const given = Promise.withResolvers<never>()
    const giveUp = (): void => {
      given.reject(this.#givenUpError())
    }
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      return await Promise.race([work(), given.promise])
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  #givenUpError(): ConnectError {
    const brokers = this.#place.servers.brokers.join(', ')
    return new ConnectError('kafka_unreachable', {
      details: { brokers, reason: 'the run was stopped' },
    })
  }
}
