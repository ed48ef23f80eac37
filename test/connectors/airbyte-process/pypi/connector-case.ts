import type { JsonObject } from '../../../../protocol/index.ts'
import type { SyncMode } from './bare-connector.ts'
import type { VendorPlace } from './vendor-network.ts'

/** The vendor of a connector, and the configuration that points to it. */
export interface ConnectorWorld {
  readonly config: JsonObject
  readonly vendors: Readonly<Record<string, VendorPlace>>
  /** Something happens at the vendor between two runs. */
  readonly change: () => void | Promise<void>
  readonly close?: () => Promise<void>
}

/** A connector of the package index, and the vendor that it is read from. */
export interface ConnectorCase {
  /** As in `airbyte-source-NAME`. */
  readonly name: string
  readonly version: string
  readonly streams: Readonly<Record<string, SyncMode>>
  /** It has not passed yet: it runs only if it is named. */
  readonly isUnproved?: true
  readonly open: () => Promise<ConnectorWorld> | ConnectorWorld
}
