import type { PostgresDefinition } from '../../../protocol/index.ts'
import type { TableName } from '../tables/identifiers.ts'
import type { Names } from './translate-expression.ts'

/** A definition that a table is to have, as it is found there and made. */
export interface WantedDefinition {
  readonly kind: PostgresDefinition['kind']
  /** An index or constraint as the source calls it; the column here; empty for a comment of the table. */
  readonly name: string
  /** For messages: `index orders_email_idx`. */
  readonly label: string
  /** Statements, one transaction each. `name`: of the index or constraint, on this table. */
  readonly statements: (table: TableName, name: string) => readonly string[]
  /** The collation that the column is to have, as SQL. */
  readonly collation?: string
  /** Functions of the catalog that it calls. */
  readonly functions: readonly string[]
  /** How it differs from the source's, for the user. */
  readonly remark?: string
}

export interface DefinitionContext {
  readonly names: Names
  /** Columns of the source whose values are others here: masked ones, or all, if a function changes them. */
  readonly changed: (column: string) => 'masked' | 'changed by a function' | undefined
  /** All rows of the table are replaced by those of the source: what is unique there is unique here. */
  readonly isWhole: boolean
  /** Operator classes of extensions that the destination has, as SQL. */
  readonly operators: ReadonlyMap<string, string>
  /** Collations that the destination has, as SQL, by their names. */
  readonly collations: ReadonlyMap<string, string>
  /** The types of the table's columns, as SQL. */
  readonly types: ReadonlyMap<string, string>
  /** The columns of the key that the table has an index of already. */
  readonly key: readonly string[]
}

export type Planned = WantedDefinition | { readonly note: string } | undefined

export type LeaveOut = (reason: string) => Planned
