import type { Metadata } from '../../sinks/sink.ts'
import type { BenchServer } from '../bench-server.ts'
import type { TableKind } from '../table-shape.ts'
import type { Mode, Shape } from './shapes.ts'

/** A program that is measured, and its work. */
export interface Contender {
  readonly program: 'reactor-connect' | 'text pipe' | 'binary pipe' | 'pgcopydb'
  /**
   * For a pipe: whether its tables have a key, or that they are those that the engine has just made and
   * filled.
   */
  readonly mode: Mode | TableKind | 'engine_tables'
  readonly log: 'embedded' | 'kafka (block)' | null
  /** Whether the tables that it loads have a key, as those of the pipe that it is compared with. */
  readonly kind: TableKind
}

export interface Measured {
  readonly seconds: number
  readonly cpuSeconds?: number
  readonly peakRssMb?: number
}

/**
 * A sequence that runs in one piece: one contender after the other, each on the tables that the one before
 * left.
 */
export interface Turn {
  readonly contenders: readonly Contender[]
  /** `verify` is called after each, with the kind of its tables. */
  run(verify: (kind: TableKind) => Promise<void>): Promise<readonly Measured[]>
}

export interface TurnContext {
  readonly bench: BenchServer
  readonly shape: Shape
  readonly metadata: Metadata
}

/** Nothing of an earlier turn is left in `warehouse`. */
export async function emptyWarehouse({ bench }: TurnContext): Promise<void> {
  await bench.warehouse(
    'DROP SCHEMA IF EXISTS reactor_connect CASCADE',
    'DROP SCHEMA public CASCADE',
    'CREATE SCHEMA public',
  )
}
