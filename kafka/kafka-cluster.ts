import type { Socket } from 'node:net'
import type { ISocketFactory, LogEntry, RetryOptions, SASLOptions } from 'kafkajs'
import Cluster from 'kafkajs/src/cluster/index.js'
import { createLogger, LEVELS } from 'kafkajs/src/loggers/index.js'
import createSocketFactory from 'kafkajs/src/network/socketFactory.js'
import type { Logger } from 'pino'
import type { KafkaServers } from './kafka-servers.ts'
import { calmRequestQueues } from './request-queue.ts'
import { ResponseFrames } from './response-frames.ts'

export const connectionTimeoutMs = 5_000
export const requestTimeoutMs = 30_000
const readCommitted = 1

/**
 * kafkajs's own retries, for one request. On the main thread, at the start, an unreachable broker is reported
 * within about 5 seconds.
 */
export const retry: RetryOptions = {
  initialRetryTime: 100,
  multiplier: 2,
  maxRetryTime: 1_000,
  retries: 5,
}

/** Where the lines of kafkajs go: may change, but not to a logger of another level. */
export interface ChangingLogger {
  readonly logger: Logger
}

/**
 * kafkajs below its producer and its consumer: brokers, leaders, coordinators, connections. Loaded without
 * the rest, which costs each thread 60 ms and 2 MB (2026-11).
 */
export function kafkaCluster(servers: KafkaServers, lines: ChangingLogger): Cluster {
  calmRequestQueues()
  // kafkajs makes an object per line before it asks whether anybody listens: at debug level only.
  const level = lines.logger.isLevelEnabled('debug') ? LEVELS.INFO : LEVELS.NOTHING
  return new Cluster({
    logger: createLogger({ level, logCreator: linesTo(lines) }),
    socketFactory: brokerSocketFactory(),
    brokers: servers.brokers,
    clientId: servers.clientId,
    ssl: servers.ssl,
    sasl: saslOf(servers),
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    enforceRequestTimeout: true,
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    isolationLevel: readCommitted,
    retry,
  })
}

/**
 * Three things that kafkajs's own sockets lack. Bytes from a server that does not speak Kafka end the
 * connection before kafkajs sees them. kafkajs unrefs the socket of a dead broker at every attempt to
 * disconnect: Node keeps each of these calls for a connection that never comes, and warns after ten. Requests
 * that are made at the same time go into one packet: a write costs the system 0.1 to 0.5 ms, as much as the
 * rest of a small request (2026-11).
 */
export function brokerSocketFactory(): ISocketFactory {
  const create = createSocketFactory()
  return (options) => {
    const socket = create(options)
    const unref = socket.unref.bind(socket)
    socket.unref = () => (socket.destroyed ? socket : unref())
    gatherWrites(socket)
    const frames = new ResponseFrames()
    const emit = socket.emit.bind(socket) as (event: string, ...values: unknown[]) => boolean
    socket.emit = (event: string, ...values: unknown[]): boolean => {
      if (event !== 'data' || !Buffer.isBuffer(values[0])) return emit(event, ...values)
      if (socket.destroyed) return false
      const length = frames.take(values[0])
      if (length === undefined) return emit(event, ...values)
      socket.destroy(noBroker(options, length))
      return true
    }
    return socket
  }
}

function gatherWrites(socket: Socket): void {
  const write = socket.write.bind(socket) as (...values: unknown[]) => boolean
  const uncork = (): void => {
    socket.uncork()
  }
  socket.write = (...values: unknown[]): boolean => {
    if (socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(uncork)
    }
    return write(...values)
  }
}

function noBroker({ host, port }: Parameters<ISocketFactory>[0], length: number): Error {
  return new Error(
    `${host}:${String(port)} does not speak Kafka, or its port is for the other setting of TLS: it announced a response of ${String(length)} bytes`,
  )
}

export function saslOf({ sasl }: KafkaServers): SASLOptions | undefined {
  if (sasl === undefined) return undefined
  const { username, password } = sasl
  switch (sasl.mechanism) {
    case 'plain':
      return { mechanism: 'plain', username, password }
    case 'scram-sha-256':
      return { mechanism: 'scram-sha-256', username, password }
    case 'scram-sha-512':
      return { mechanism: 'scram-sha-512', username, password }
  }
}

/** kafkajs speaks through pino at debug level. */
export function linesTo(lines: ChangingLogger): () => (line: LogEntry) => void {
  return () =>
    ({ namespace, label, log }) => {
      lines.logger.debug({ part: 'kafkajs', namespace, label, kafka: log.message }, 'kafkajs')
    }
}
