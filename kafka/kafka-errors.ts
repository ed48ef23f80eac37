import { ConnectError, networkFailure, streamLabel, type StreamId } from '../protocol/index.ts'
import type { KafkaServers } from './kafka-servers.ts'
import { NamedRefusal, type RequestedResource } from './named-refusal.ts'

export interface KafkaDoing {
  readonly servers: KafkaServers
  /** The action in progress, for the message: `writing to`, `reading`, `creating`. */
  readonly doing: string
  /** To what: `topic connect.shop.orders`. */
  readonly target: string
  readonly topic?: string
  /** The stream, or the partition of it, whose writer this is: another one of it may have fenced this one. */
  readonly lane?: {
    readonly connection: string
    readonly stream: StreamId
    readonly partition?: number
  }
}

/** The facts of a kafkajs error, which wraps the real one several times. */
interface KafkaFault {
  readonly name: string
  readonly type: string
  readonly message: string
  readonly isOfTls: boolean
  /** Set for a `NamedRefusal`. */
  readonly refused?: RequestedResource
  readonly closed?: { readonly host: string; readonly port: number }
}

const unreachable = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSNoBrokerAvailableError',
  'KafkaJSLockTimeout',
  // No broker responded with the coordinator.
  'KafkaJSGroupCoordinatorNotFound',
])
const fencedTypes = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
  'TRANSACTION_COORDINATOR_FENCED',
])

/** PRODUCER_FENCED is newer than kafkajs's table of errors. */
const producerFencedCode = 'Unknown error code 90'

/** A failure of kafkajs as an error that says what to do. */
export function kafkaError(thrown: unknown, context: KafkaDoing): ConnectError {
  if (thrown instanceof ConnectError) return thrown
  const faults = [...faultsOf(thrown)]
  const reason = faults.at(-1)?.message ?? String(thrown)
  const brokers = context.servers.brokers.join(', ')
  const code = knownFault(faults, context)
  const { doing, target } = actionOf(code, refusedIn(faults), context)
  const topic = context.topic && (refusedTopic(thrown) ?? context.topic)
  const details = {
    brokers,
    doing,
    target,
    reason,
    ...(topic !== undefined && { topic }),
    ...(context.servers.sasl !== undefined && { username: context.servers.sasl.username }),
    ...(context.lane !== undefined && {
      connection: context.lane.connection,
      stream: streamLabel(context.lane.stream),
      ...(context.lane.partition !== undefined && { partition: context.lane.partition }),
      by: `another writer of ${target} (or by none: the broker also ends a transaction that lasts too long, if this process was frozen or cut off meanwhile)`,
    }),
  }
  return new ConnectError(code, { details, cause: thrown })
}

/** The action that the user may not do, if that is known; else the action in progress. */
function actionOf(
  code: KnownFault,
  refused: RequestedResource | undefined,
  { doing, target }: KafkaDoing,
): Pick<KafkaDoing, 'doing' | 'target'> {
  if (code !== 'kafka_permission_denied' || refused === undefined) return { doing, target }
  return {
    doing: `the operation ${refused.operation} on`,
    target: `${refused.kind} ${refused.name}`,
  }
}

function refusedIn(faults: readonly KafkaFault[]): RequestedResource | undefined {
  return faults.find(({ refused }) => refused !== undefined)?.refused
}

/** The topic that the brokers refused, if that is known. */
export function refusedTopic(thrown: unknown): string | undefined {
  const refused = refusedIn([...faultsOf(thrown)])
  return refused?.kind === 'topic' ? refused.name : undefined
}

type KnownFault =
  | 'fenced'
  | 'kafka_credentials_refused'
  | 'kafka_permission_denied'
  | 'kafka_tls_failed'
  | 'log_topic_missing'
  | 'kafka_unreachable'
  | 'kafka_failed'

function knownFault(faults: readonly KafkaFault[], context: KafkaDoing): KnownFault {
  const has = (test: (fault: KafkaFault) => boolean): boolean => faults.some(test)
  if (context.lane !== undefined && has(isFenced)) return 'fenced'
  if (has(({ name }) => name === 'KafkaJSSASLAuthenticationError'))
    return 'kafka_credentials_refused'
  if (has(({ isOfTls }) => isOfTls)) return 'kafka_tls_failed'
  if (has(({ type }) => type.endsWith('AUTHORIZATION_FAILED'))) return 'kafka_permission_denied'
  if (context.topic !== undefined && has(({ type }) => type === 'UNKNOWN_TOPIC_OR_PARTITION')) {
    return 'log_topic_missing'
  }
  return has(isUnreachable) ? 'kafka_unreachable' : 'kafka_failed'
}

/** kafkajs throws a plain error of this text if a broker that was connected once no longer responds. */
function isUnreachable({ name, message }: KafkaFault): boolean {
  return unreachable.has(name) || message === 'Broker not connected'
}

/** A newer producer of the transactional id was opened, or the broker has ended the transaction. */
export function isFencedProducer(thrown: unknown): boolean {
  for (const fault of faultsOf(thrown)) if (isFenced(fault)) return true
  return false
}

function isFenced({ type, message }: KafkaFault): boolean {
  return fencedTypes.has(type) || message.includes(producerFencedCode)
}

/** Whether trying again may help: the connection broke, a leader moved, the broker starts. */
export function isPassing(thrown: unknown): boolean {
  for (const { name, type } of faultsOf(thrown)) {
    if (unreachable.has(name) || passing.has(type)) return true
  }
  return false
}

const passing = new Set([
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'REPLICA_NOT_AVAILABLE',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'NOT_CONTROLLER',
  'GROUP_LOAD_IN_PROGRESS',
  // The markers of the transaction before are not written yet.
  'CONCURRENT_TRANSACTIONS',
  'REQUEST_TIMED_OUT',
  'NETWORK_EXCEPTION',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'KAFKA_STORAGE_ERROR',
])

/**
 * The broker whose connection has closed, if that was the fault: kafkajs must forget it before it connects
 * again.
 */
export function closedBroker(
  thrown: unknown,
): { readonly host: string; readonly port: number } | undefined {
  for (const fault of faultsOf(thrown)) if (fault.closed !== undefined) return fault.closed
  return undefined
}

/** The error type that the broker gave, if any. */
export function hasType(thrown: unknown, wanted: string): boolean {
  for (const { type } of faultsOf(thrown)) if (type === wanted) return true
  return false
}

/** Whether a broker has responded, with an error: the connection works. */
export function isBrokersWord(thrown: unknown): boolean {
  for (const { type } of faultsOf(thrown)) if (type !== '') return true
  return false
}

/** Whether an error of kafkajs of this name is, or is behind, what was thrown. */
export function hasName(thrown: unknown, wanted: string): boolean {
  for (const { name } of faultsOf(thrown)) if (name === wanted) return true
  return false
}

function* faultsOf(thrown: unknown): Generator<KafkaFault> {
  let current = thrown
  for (let depth = 0; depth < 8 && current instanceof Error; depth++) {
    const type = 'type' in current && typeof current.type === 'string' ? current.type : ''
    const isOfTls = networkFailure(current)?.kind === 'tls'
    const facts = { ...closedBy(current), ...refusedBy(current) }
    yield { name: current.name, type, message: current.message, isOfTls, ...facts }
    if ('errors' in current && Array.isArray(current.errors)) {
      for (const inner of current.errors) yield* faultsOf(inner)
    }
    if (current.cause === current) return
    current = current.cause
  }
}

function refusedBy(error: Error): Pick<KafkaFault, 'refused'> {
  return error instanceof NamedRefusal ? { refused: error.resource } : {}
}

function closedBy(error: Error): Pick<KafkaFault, 'closed'> {
  if (error.name !== 'KafkaJSConnectionClosedError') return {}
  if (!('host' in error && typeof error.host === 'string')) return {}
  if (!('port' in error && typeof error.port === 'number')) return {}
  return { closed: { host: error.host, port: error.port } }
}
