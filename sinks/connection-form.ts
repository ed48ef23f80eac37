import type { PostgresAddress } from '../postgres/address.ts'
import { ConnectError, type JsonObject } from '../protocol/index.ts'
import type { WriteChoices } from './instance/instance-place.ts'
import type { WriteRule } from './instance/mapping/write-rules.ts'
import type { TopicChoice, TopicServers } from './topic/topic-place.ts'

/**
 * How connections of the service name a destination: `s3:BUCKET/PREFIX`. An address names a place that the
 * operator's settings have. No request can name another server, or give a login.
 */
export interface ConnectionForm<Config> {
  /** The forms of its addresses, for people. */
  readonly addresses: readonly string[]
  /** The parts that an address may contain, as the end of a sentence that begins with the addresses. */
  readonly note?: string
  /** The address of a connection that is created without one. One destination has it. */
  defaultAddress?(connection: string): string
  /**
   * The place, found whenever something begins and never stored. Throws `destination_invalid`,
   * `destination_not_available`, and what the Data service throws.
   */
  find(connection: AddressedConnection, request: PlaceRequest): Promise<Config>
  /** The places that the setting `destinations` may name. Absent: settings of its own name them. */
  readonly urls?: PlaceUrls<Config>
}

export interface PlaceUrls<Config> {
  /** For people: `s3://KEY_ID:SECRET@BUCKET/PREFIX?region=REGION`. */
  readonly form: string
  /** A problem shows no value: the URL may have a secret. */
  parse(url: string): Config | { readonly problem: string }
}

export interface AddressedConnection {
  readonly destination: string
  readonly options: Readonly<Partial<Pick<TopicChoice, 'format' | 'envelope' | 'partitions'>>> & {
    readonly writes?: readonly WriteRule[]
    readonly writeDeletes?: WriteChoices['deletes']
    readonly writeMode?: WriteChoices['mode']
  }
}

export interface PlaceRequest {
  readonly places: KnownPlaces
  readonly ifMissing: IfMissing
}

/** For a dataset that does not exist yet. */
export type IfMissing = 'create' | 'fail'

/** The servers that the operator's settings name. Holds secrets: never to be logged. */
export interface KnownPlaces extends TablePlaces {
  /** The brokers and the registry of topics. */
  readonly kafka: TopicServers | undefined
  /** The places that the setting `destinations` names: of every type that has `ConnectionForm.urls`. */
  readonly named: readonly { readonly type: string }[]
  readonly instances: InstancePlaces
}

/** How a destination that is an instance is found. */
export interface InstancePlaces {
  /** Throws `instance_not_found`, and what is missing of its configuration. */
  readonly resolveConfig: (name: string) => Promise<{
    /** The name by which the engine finds the connector. */
    readonly type: string
    readonly config: JsonObject
    readonly secrets: readonly string[]
  }>
  readonly allowedNetworks: readonly string[]
  /** The database of the bookkeeping; undefined: the settings name none. */
  readonly store: () => Promise<PostgresAddress | undefined>
}

export interface TablePlaces {
  /** The Data service, or the one database whose schemas are the datasets. */
  readonly data: Datasets | PostgresAddress | undefined
  readonly postgres: Readonly<Record<string, PostgresAddress>>
}

export interface Datasets {
  /** Undefined: there is no such dataset, and none was created. */
  find(
    dataset: string,
    ifMissing: IfMissing,
  ): Promise<{ readonly address: PostgresAddress; readonly schema: string | undefined } | undefined>
}

/** An address of a wrong form. */
export function invalidDestination(destination: string, problem: string): ConnectError {
  return new ConnectError('destination_invalid', { details: { destination, problem } })
}

/** An address that this service, as it is set, cannot load. */
export function notAvailable(destination: string, reason: string, fix: string): ConnectError {
  return new ConnectError('destination_not_available', { details: { destination, reason, fix } })
}
